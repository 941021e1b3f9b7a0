// The confusion matrix opens the images of a cell; a heat map says the number under the pointer or the arrow keys;
// in print nothing is folded up.
for (const button of document.querySelectorAll(".confusion button")) {
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    for (const other of document.querySelectorAll(".confusion button")) other.setAttribute("aria-expanded", "false");
    for (const cell of document.querySelectorAll(".cell")) cell.hidden = true;
    button.setAttribute("aria-expanded", String(!open));
    document.getElementById(button.getAttribute("aria-controls")).hidden = open;
  });
}
document.addEventListener("keydown", (event) => {
  const open = document.querySelector('.confusion button[aria-expanded="true"]');
  if (event.key === "Escape" && open) { open.click(); open.focus(); }
});
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});
for (const heat of document.querySelectorAll(".heat")) {
  const rows = JSON.parse(heat.dataset.values), mark = heat.querySelector("rect");
  const output = document.getElementById(heat.getAttribute("aria-describedby"));
  const numbers = (name) => heat.dataset[name].split(" ").filter(Boolean).map(Number);
  const [tall, wide] = numbers("block"), down = numbers("down"), across = numbers("across"), after = numbers("after");
  const size = (axes) => axes.reduce((product, length) => product * length, 1);
  const unravel = (index, axes) => axes.map((length, axis) => Math.floor(index / size(axes.slice(axis + 1))) % length);
  const place = (y, x) => `[${[...unravel(y, down), ...unravel(x, across), ...after].join(", ")}]`;
  const block = (y, x) => {
    const last = place(Math.min((y + 1) * tall, size(down)) - 1, Math.min((x + 1) * wide, size(across)) - 1);
    return `${place(y * tall, x * wide)} to ${last}`;
  };
  const beside = (y, x) => `[${Math.floor(x / (across[0] + 1))}, ${y}, ${x % (across[0] + 1)}, ${after}]`;
  const averaged = tall * wide > 1, where = heat.dataset.images > 0 ? beside : averaged ? block : place;
  let row = 0, column = 0;
  const say = () => {
    mark.setAttribute("x", column); mark.setAttribute("y", row); mark.style.visibility = "visible";
    const number = rows[row][column];
    output.textContent = number === null ? ""
      : `${heat.dataset.name}${where(row, column)} = ${averaged ? "on average " : ""}${number}`;
  };
  heat.addEventListener("pointermove", (event) => {
    const box = heat.getBoundingClientRect();
    row = Math.min(rows.length - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * rows.length)));
    column = Math.min(rows[0].length - 1,
      Math.max(0, Math.floor((event.clientX - box.left) / box.width * rows[0].length)));
    say();
  });
  heat.addEventListener("focus", say);
  heat.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    row = Math.min(rows.length - 1, Math.max(0, row + moves[event.key][0]));
    column = Math.min(rows[0].length - 1, Math.max(0, column + moves[event.key][1]));
    say();
  });
}
