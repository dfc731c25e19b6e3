/* What to try for one call, as actions.py. */

const MONTH = "January|February|March|April|May|June|July|August|September|October|November|December";
const WEEKDAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday";
const NUMERIC = new RegExp(`[0-9]|(${MONTH})`);
const DATES = new RegExp(`(${MONTH}|${WEEKDAY})`, "g");
const PROPER = /[^.!?:\s]\s+["'(]?[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ]/;
const KINDS = ["url", "arxiv", "doi", "title"];
const VERDICTS = ["supported", "contradicted", "unsupported"];

const characters = (text) => (text === null ? null : Array.from(text.trim()).length);

function callAggregates(call, detail) {
  const claims = isEmpty(call.claims) ? countedClaims(detail.claims) : call.claims;
  const texts = detail.claims.filter((each) => each.verdict === "contradicted").map((each) => each.text);
  const score = (call.scores || {}).Hallucination;
  return {
    context_chars: characters(detail.context),
    answer_chars: characters(detail.answer),
    score: known(score) ? score : null,
    failed: call.status === "error",
    claims: Object.assign({}, claims, {
      contradicted_share: share(claims.contradicted || 0, claims.total),
      unsupported_share: share(claims.unsupported || 0, claims.total),
    }),
    contradicted_numbers: texts.filter((text) => NUMERIC.test(text)).length,
    contradicted_names: texts.filter((text) => PROPER.test(text.replace(DATES, "x"))).length,
    invented: inventedOf(detail.citations),
  };
}

function countedClaims(claims) {
  const counts = { total: claims.length };
  for (const name of VERDICTS) counts[name] = claims.filter((each) => each.verdict === name).length;
  return counts;
}

function inventedOf(citations) {
  const kinds = citations.filter((each) => !each.grounded).map((each) => each.kind);
  const counts = { other: kinds.filter((kind) => !KINDS.includes(kind)).length, total: kinds.length };
  for (const kind of KINDS) counts[kind] = kinds.filter((each) => each === kind).length;
  return counts;
}

const actions = (rules, call, detail) => evaluate(rules, callAggregates(call, detail));
