"""Diagnosis in words: what is going wrong in a training, by which numbers it shows, and what to try.

A training that breaks (NaN, infinity) is taken again step by step, to name the first tensor that broke: `breakdown`,
`cause`. One that goes on but does not learn as it should is noticed by a probe now and then: `watch`.
"""
