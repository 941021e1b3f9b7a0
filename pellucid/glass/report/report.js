// The confusion matrix opens the images of a cell; a heat map says the number under the pointer or the arrow keys.
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
for (const heat of document.querySelectorAll(".heat")) {
  const rows = JSON.parse(heat.dataset.values), mark = heat.querySelector("rect");
  const output = document.getElementById(heat.getAttribute("aria-describedby"));
  const [tall, wide] = heat.dataset.block.split(" ").map(Number);
  const [height, width] = heat.dataset.shape.split(" ").map(Number);
  const maps = Number(heat.dataset.maps || 0);
  let row = 0, column = 0;
  const place = (index, block, length) =>
    block === 1 ? String(index) : `${index * block} to ${Math.min((index + 1) * block, length) - 1}`;
  const say = () => {
    mark.setAttribute("x", column); mark.setAttribute("y", row); mark.style.visibility = "visible";
    const mean = tall * wide > 1 ? "on average " : "";
    const across = maps ? `${row}, ${column % maps}` : `${place(row, tall, height)}, ${place(column, wide, width)}`;
    const where = maps ? `${Math.floor(column / maps)}, ${across}` : across;
    const number = rows[row][column];
    output.textContent = number === null ? "" : `${heat.dataset.name}[${where}] = ${mean}${number}`;
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
