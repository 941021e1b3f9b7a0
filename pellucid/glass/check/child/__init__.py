"""What runs in the child process, beside the learner's code: the standard library and NumPy alone.

`run.py` starts it; the parent says what to try in `request.json` and reads `answers.jsonl`, a line for each trial.
"""
