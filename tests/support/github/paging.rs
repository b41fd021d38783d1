//! Pages of a list, and the name of an answer.
//!
//! Facts: `/using-the-rest-api/using-pagination-in-the-rest-api`: `per_page` up to 100, 30
//! where it is not given; `Link` with `prev`, `next`, `last` and `first`, left out where
//! all fits on one page. More than 100 is taken as 100.

use super::{account::Account, query::Query};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

const USUAL: u64 = 30;
const MOST: u64 = 100;

/// The page of the list that the query asks for. `path` is below the repository.
pub(super) fn page(account: &Account, path: &str, query: &Query<'_>, items: &[&Value]) -> Answer {
    let size = query.number("per_page").filter(|size| *size > 0).unwrap_or(USUAL).min(MOST);
    let number = query.number("page").filter(|number| *number > 0).unwrap_or(1);
    let last = (items.len() as u64).div_ceil(size).max(1);
    let start = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let shown: Vec<_> = items.iter().skip(start).take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
    let body = serde_json::to_vec(&shown).expect("JSON can be written");
    let answer = Answer::pieces(StatusCode::OK, vec![body.into()]);
    let link = |page: u64, relation: &str| {
        let target = account.by_id(&format!("{path}?{}", query.with_page(page)));
        format!("<{target}>; rel=\"{relation}\"")
    };
    let mut links = Vec::new();
    if number > 1 {
        links.push(link((number - 1).min(last), "prev"));
    }
    if number < last {
        links.extend([link(number + 1, "next"), link(last, "last")]);
    }
    if number > 1 {
        links.push(link(1, "first"));
    }
    if links.is_empty() { answer } else { answer.with("link", &links.join(", ")) }
}

/// An answer under its name, or 304 where the client has it already. It is made from the
/// body alone, as with the vendor: further pages do not change it.
pub(super) fn named(request: &Request, answer: Answer) -> Answer {
    let mut hasher = DefaultHasher::new();
    answer.whole().hash(&mut hasher);
    request.header("authorization").hash(&mut hasher);
    let etag = format!("W/\"{:016x}\"", hasher.finish());
    let known = request.header("if-none-match").unwrap_or_default();
    let is_known = known.split(',').any(|known| weak(known.trim()) == weak(&etag));
    let answer = if is_known {
        Answer { body: Vec::new(), status: StatusCode::NOT_MODIFIED, ..answer }
    } else {
        answer
    };
    answer.with("etag", &etag)
}

/// GitHub compares weakly.
fn weak(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}
