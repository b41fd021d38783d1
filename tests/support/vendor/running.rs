//! A fault script at work: which request it is whose turn.

use super::{
    script::{Action, Rule, Script},
    stats::RuleCount,
};
use hyper::Method;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A script at work, with how far each rule has come.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    rule: Rule,
    matched: u64,
    acted: u64,
}

/// What a rule says about one request.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) latency: Duration,
    pub(super) action: Action,
}

impl Running {
    pub(super) fn set(&self, script: Script) {
        *self.lock() = script.rules.into_iter().map(|rule| Armed { rule, matched: 0, acted: 0 }).collect();
    }

    pub(super) fn script(&self) -> Script {
        Script { rules: self.lock().iter().map(|armed| armed.rule.clone()).collect() }
    }

    pub(super) fn counts(&self) -> Vec<RuleCount> {
        let count = |armed: &Armed| RuleCount {
            name: armed.rule.name.clone().unwrap_or_else(|| armed.rule.path.clone()),
            matched: armed.matched,
            acted: armed.acted,
        };
        self.lock().iter().map(count).collect()
    }

    /// What becomes of this request; none where no rule takes it. It counts as seen.
    pub(super) fn judge(&self, method: &Method, path: &str) -> Option<Verdict> {
        self.lock().iter_mut().filter(|armed| armed.rule.concerns(method, path)).find_map(Armed::take)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn take(&mut self) -> Option<Verdict> {
        self.matched += 1;
        let since = self.matched.checked_sub(self.rule.from)?;
        if since % self.rule.every.max(1) != 0 || self.rule.times.is_some_and(|times| self.acted >= times) {
            return None;
        }
        self.acted += 1;
        Some(Verdict {
            latency: Duration::from_millis(self.rule.latency_ms),
            action: self.rule.action.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::Canned;

    fn acted(rule: Rule, requests: u64) -> Vec<u64> {
        let running = Running::default();
        running.set(rule.into());
        (1..=requests).filter(|_| running.judge(&Method::GET, "/a").is_some()).collect()
    }

    #[test]
    fn a_rule_takes_the_requests_that_it_counts() {
        assert_eq!(acted(Rule::on("/a"), 3), [1, 2, 3]);
        assert_eq!(acted(Rule::on("/a").nth(2), 4), [2]);
        assert_eq!(acted(Rule::on("/a").from_nth(2).times(2), 5), [2, 3]);
        assert_eq!(acted(Rule::on("/a").every(3), 7), [1, 4, 7]);
        assert_eq!(acted(Rule::on("/b"), 3), Vec::<u64>::new());
        assert_eq!(acted(Rule::on("/a").method("post"), 3), Vec::<u64>::new());
        assert_eq!(acted(Rule::on("/a").method("get"), 1), [1]);
    }

    #[test]
    fn the_first_rule_whose_turn_it_is_decides() {
        let running = Running::default();
        running.set([Rule::on("/a").nth(2).status(500), Rule::on("**").status(503)].into());
        let codes: Vec<_> =
            (0..3).map(|_| running.judge(&Method::GET, "/a").map(|verdict| verdict.action)).collect();
        let code = |code| Some(Action::Status(Canned { code, ..Canned::default() }));
        assert_eq!(codes, [code(503), code(500), code(503)]);
    }
}
