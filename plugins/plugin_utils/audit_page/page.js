// Filters the findings. What is filtered stands in the address (#status=failed&host=web1), so that it can be sent on.
(() => {
  "use strict";
  const form = document.getElementById("filter");
  const fields = ["status", "host", "area", "id"].map((name) => form.elements.namedItem(name));
  const rows = [...document.querySelectorAll("table.findings tbody tr")].map((row) => ({
    row,
    items: [...row.querySelectorAll("li[data-hosts]")].map((item) => ({ item, hosts: item.dataset.hosts.split(" ") })),
    text: row.textContent.toLowerCase(),
  }));
  const hosts = [...form.elements.namedItem("host").options].slice(1).map((option) => option.value);

  // A filter that the page does not know stands for no filter.
  function take(field, value) {
    field.value = value;
    if (field.selectedIndex === -1) field.selectedIndex = 0;
  }

  function read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!fields.some((field) => asked.has(field.name))) return false;
    // Whoever asks for a control by its id wants to see it whatever its status.
    const status = asked.get("status") ?? (asked.has("id") ? "all" : "open");
    for (const field of fields) take(field, field.name === "status" ? status : (asked.get(field.name) ?? ""));
    return true;
  }

  function apply() {
    const [status, host, area, id] = fields.map((field) => field.value);
    const number = String(hosts.indexOf(host));
    const words = id.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, items, text } of rows) {
      let some = false;
      for (const { item, hosts: own } of items) {
        item.hidden = host !== "" && !own.includes(number);
        some ||= !item.hidden;
      }
      const fits = status === "all" || (status === "open" ? row.dataset.open === "1" : row.dataset.status === status);
      row.hidden = !(fits && some && (area === "" || row.dataset.area === area) && words.every((word) => text.includes(word)));
      shown += row.hidden ? 0 : 1;
    }
    document.getElementById("count").textContent = `${shown} of ${rows.length} findings`;
    document.getElementById("nothing").hidden = shown > 0;
  }

  function write() {
    const asked = new URLSearchParams();
    for (const field of fields) if (field.value !== "") asked.set(field.name, field.value);
    history.replaceState(null, "", `#${asked}`);
    apply();
  }

  form.addEventListener("input", write);
  form.addEventListener("submit", (event) => event.preventDefault());
  // Its fields have their first values only after the event.
  form.addEventListener("reset", () => setTimeout(write));
  addEventListener("hashchange", () => {
    if (!read()) return;
    apply();
    document.getElementById("findings").scrollIntoView();
  });
  // Paper cannot be unfolded.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((more) => { more.open = true; }));
  form.hidden = false;
  const asked = read();
  apply();
  if (asked) document.getElementById("findings").scrollIntoView();
})();
