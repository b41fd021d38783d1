//! Whether records would run in a circle. Pure.
//!
//! A route is one edge from its one end to its other, and a second one back where it goes
//! both ways; the two of one route are no circle, because it knows its own records again.

use crate::model::{Route, RouteEnd};
use std::collections::{HashMap, VecDeque};

/// The ends through which a record would come back to where it was, the first one twice,
/// were `new` added to `routes`.
pub(super) fn circle(routes: &[Route], new: &Route) -> Option<Vec<RouteEnd>> {
    edges(new).find_map(|(from, to)| {
        let way = way(routes, to, from)?;
        Some(std::iter::once(from.clone()).chain(way).collect())
    })
}

fn edges(route: &Route) -> impl Iterator<Item = (&RouteEnd, &RouteEnd)> {
    let back = route.is_two_way().then_some((&route.to, &route.from));
    [Some((&route.from, &route.to)), back].into_iter().flatten()
}

/// The shortest way, both ends included.
fn way(routes: &[Route], start: &RouteEnd, end: &RouteEnd) -> Option<Vec<RouteEnd>> {
    let mut came_from: HashMap<&RouteEnd, &RouteEnd> = HashMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(place) = open.pop_front() {
        if place == end {
            let mut way: Vec<_> =
                std::iter::successors(Some(place), |place| came_from.get(place).copied()).cloned().collect();
            way.reverse();
            return Some(way);
        }
        for (_, next) in routes.iter().flat_map(edges).filter(|(from, _)| *from == place) {
            if next != start && !came_from.contains_key(next) {
                came_from.insert(next, place);
                open.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::routes::tests::route_between;

    /// Routes are written `a>b` and `a=b`; a channel is a letter.
    #[track_caller]
    fn check(routes: &str, new: &str, expected: Option<&str>) {
        let read = |text: &str| {
            let end = |at: usize| text.as_bytes()[at];
            route_between(end(0), end(2), &text[1..2] == "=")
        };
        let routes: Vec<_> = routes.split_whitespace().map(read).collect();
        let found = circle(&routes, &read(new));
        let letter = |end: &RouteEnd| char::from(end.channel.to_bytes()[0]);
        let found = found.map(|circle| circle.iter().map(letter).collect::<String>());
        assert_eq!(found.as_deref(), expected, "{routes:?} and {new}", routes = routes.len());
    }

    #[test]
    fn circles_are_found_and_named() {
        check("", "a>b", None);
        check("", "a=b", None);
        check("a>b", "b>c", None);
        check("a>b a>c", "b>d", None);
        check("a>b a>c b>d", "c>d", None);
        check("a=b", "b=c", None);
        check("a=b b=c", "c=d", None);
        check("a>b", "b>a", Some("bab"));
        check("a>b b>c", "c>a", Some("cabc"));
        check("a=b b>c", "c>a", Some("cabc"));
        check("a=b b=c", "c=a", Some("cabc"));
        check("a=b b>c", "a>c", None);
        check("a=b b=c", "a>c", Some("acba"));
        check("a>b b>c c>d", "d=b", Some("dbcd"));
    }
}
