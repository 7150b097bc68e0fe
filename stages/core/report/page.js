"use strict";
// All text from data goes through textContent: what a model wrote is never markup here.
const questions = JSON.parse(document.getElementById("data").textContent).questions;
const by = (id) => document.getElementById(id);
const ANY = "all";
let matching = [], at = 0;

function made(tag, text, kind) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

const FILTERS = ["source", "split", "cell", "outcome", "flag"];
const linked = new URLSearchParams(location.hash.slice(1));  // a view is a link: report.html#source=gsm8k&outcome=wrong

function offer(id, values) {
  for (const value of [ANY, ...new Set(values)]) by(id).append(new Option(value, value));
  if (linked.has(id)) by(id).value = linked.get(id);
  if (by(id).selectedIndex < 0) by(id).value = ANY;
  by(id).addEventListener("change", () => { at = 0; show(); link(); });
}

function link() {
  const chosen = FILTERS.filter((id) => by(id).value !== ANY).map((id) => [id, by(id).value]);
  history.replaceState(null, "", `#${new URLSearchParams(chosen)}`);
}

const flags = (question) => question.traces.flatMap((trace) => trace.versions.flatMap((one) => one.flags));

const wants = (id) => by(id).value;
const wanted = (one) => [ANY, one.cell].includes(wants("cell")) && [ANY, one.outcome].includes(wants("outcome"));
const flagged = (one) => wants("flag") === ANY || one.flags.includes(wants("flag"));

function matches(question) {
  return [ANY, question.source].includes(wants("source"))
    && [ANY, question.split].includes(wants("split"))
    && ((wants("cell") === ANY && wants("outcome") === ANY) || question.answers.some(wanted))
    && (wants("flag") === ANY || flags(question).includes(wants("flag")));
}

function card(title, badges, texts) {
  const node = made("div", undefined, "card");
  node.append(made("h4", title));
  for (const [text, kind] of badges) node.append(made("span", text, `badge ${kind}`));
  for (const [text, kind] of texts) node.append(made("pre", text, kind));
  return node;
}

function version(one) {
  const badges = [[`rho ${one.rho}`, "dim"], ...one.flags.map((flag) => [flag, "flag"])];
  if (!one.kept) badges.push([`dropped: ${one.drop_reason}`, "wrong"]);
  return card(one.student ? `${one.target} (${one.student})` : one.target, badges, [[one.reasoning, ""]]);
}

function answered(one, known) {
  const badges = [[one.outcome, one.outcome], [`${one.tokens} tokens`, "dim"]];
  if (known) badges.push([one.target === "untrained" ? "not trained" : "trained on this question", "dim"]);
  return card(one.cell, badges, [[one.reasoning, ""], [one.answer, "answer"]]);
}

function cards(title, nodes) {
  const row = made("div", undefined, "cards");
  row.append(...nodes);
  return [made("h3", title), row];
}

function show() {
  matching = questions.filter(matches);
  at = Math.max(0, Math.min(at, matching.length - 1));
  by("count").textContent = matching.length ? `${at + 1} of ${matching.length}` : "none";
  by("back").disabled = at === 0;
  by("next").disabled = at + 1 >= matching.length;
  const shown = by("shown");
  shown.replaceChildren();
  if (!matching.length) return;
  const question = matching[at];
  shown.append(made("p", `${question.source} · ${question.group} · ${question.split} · ${question.question_id}`, "dim"));
  shown.append(card("question", [[`gold: ${question.gold}`, "dim"]], [[question.question, ""]]));
  for (const trace of question.traces) {
    const raw = card("raw", [], [[trace.reasoning, ""], [trace.answer, "answer"]]);
    shown.append(...cards(`Traces of ${trace.teacher}`, [raw, ...trace.versions.filter(flagged).map(version)]));
  }
  const answers = question.answers.filter(wanted);
  const known = question.split === "train";
  const title = known ? "Students, trained on this question: how they answer it is no measure and counts nowhere" : "Students";
  if (answers.length) shown.append(...cards(title, answers.map((one) => answered(one, known))));
}

offer("source", questions.map((one) => one.source));
offer("split", questions.map((one) => one.split));
offer("cell", questions.flatMap((one) => one.answers.map((answer) => answer.cell)));
offer("outcome", questions.flatMap((one) => one.answers.map((answer) => answer.outcome)).sort());
offer("flag", questions.flatMap(flags).sort());
by("back").addEventListener("click", () => { at -= 1; show(); });
by("next").addEventListener("click", () => { at += 1; show(); });
show();
