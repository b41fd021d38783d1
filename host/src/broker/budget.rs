//! How many retries an origin can still be asked to bear. Pure.
//!
//! It counts requests and retries and nothing else: whether a retry would make
//! sense is decided in `retry`.

/// What a request pays in, what a retry costs, and how much can be saved up, in
/// thousandths of a retry. A fifth a request: so retries add a fifth to the load
/// at most, however much fails.
const DEPOSIT: u32 = 200;
const COST: u32 = 1_000;
const MOST: u32 = 10_000;
/// So that the very first request of an origin can be tried twice.
const START: u32 = 1_000;

/// The retries of one origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(u32);

impl Budget {
    pub(super) fn new() -> Self {
        Self(START)
    }

    /// As much as can be saved up.
    #[cfg(test)]
    pub(super) fn full() -> Self {
        Self(MOST)
    }

    /// For the first attempt of a request.
    pub(super) fn deposit(&mut self) {
        self.0 = (self.0 + DEPOSIT).min(MOST);
    }

    /// Pays for a retry, where there is enough.
    pub(super) fn withdraw(&mut self) -> bool {
        let left = self.0.checked_sub(COST);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(requests: u32, most_retries: u32) {
        let mut budget = Budget::new();
        (0..requests).for_each(|_| budget.deposit());
        let retries = (0..1_000).take_while(|_| budget.withdraw()).count();
        assert_eq!(retries, most_retries as usize, "after {requests} requests");
    }

    #[test]
    fn retries_are_saved_up_by_requests() {
        check(0, 1);
        check(1, 1);
        check(4, 1);
        check(5, 2);
        check(10, 3);
        check(45, 10);
        check(10_000, 10);
    }

    proptest! {
        #[test]
        fn retries_are_a_fifth_of_the_requests_and_one_at_most(acts in prop::collection::vec(any::<bool>(), 0..500)) {
            let (mut budget, mut requests, mut retries) = (Budget::new(), 0_u32, 0_u32);
            for is_request in acts {
                if is_request {
                    budget.deposit();
                    requests += 1;
                } else if budget.withdraw() {
                    retries += 1;
                }
                prop_assert!(f64::from(retries) <= f64::from(requests) * 0.2 + 1.0);
            }
        }
    }
}
