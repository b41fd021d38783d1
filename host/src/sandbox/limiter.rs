//! What a step's memories and tables may grow to, summed over its store.
//!
//! It refuses growth and remembers that it did; it never ends a step itself: a
//! guest may live with a refusal.

use super::{Limits, limit::Limit};
use wasmtime::ResourceLimiter;

/// Asked by wasmtime before anything grows.
pub(super) struct Limiter {
    memory: usize,
    table_elements: usize,
    memories: usize,
    tables: usize,
    instances: usize,
    held: usize,
    last_growth: usize,
    refused: Option<Limit>,
}

impl Limiter {
    /// With the memory that the manifest asks for, as far as the operator
    /// allows it.
    pub(super) fn new(limits: &Limits, memory: Option<u64>) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            memory: limits.memory_for(memory).0.as_len(),
            table_elements: count(limits.table_elements),
            memories: count(limits.memories),
            tables: count(limits.tables),
            instances: count(limits.instances),
            held: 0,
            last_growth: 0,
            refused: None,
        }
    }

    /// The most memory that the step held. Linear memory never shrinks, so it
    /// is what the step holds now.
    pub(super) fn peak(&self) -> usize {
        self.held
    }

    /// The growth that was refused last. A trap after it is most likely the
    /// guest's way of giving up.
    pub(super) fn refused(&self) -> Option<Limit> {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false); // The memory's own bound, not the host's.
        }
        let growth = desired.saturating_sub(current);
        let Some(held) = self.held.checked_add(growth).filter(|held| *held <= self.memory) else {
            self.refused = Some(Limit::Memory);
            return Ok(false);
        };
        (self.held, self.last_growth) = (held, growth);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.held -= std::mem::take(&mut self.last_growth);
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        if desired > self.table_elements {
            self.refused = Some(Limit::TableElements);
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Size;

    #[test]
    fn memory_is_summed_over_the_store_and_a_refusal_is_remembered() {
        let limits = Limits { memory: Size(100), max_memory: Size(100), ..Limits::default() };
        let mut limiter = Limiter::new(&limits, None);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert_eq!((limiter.refused(), limiter.peak()), (Some(Limit::Memory), 100));
    }

    #[test]
    fn a_growth_that_fails_is_not_held() {
        let mut limiter = Limiter::new(&Limits::default(), None);
        assert!(limiter.memory_growing(0, 1 << 16, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(limiter.peak(), 0);
    }

    #[test]
    fn the_bound_of_the_guest_itself_is_no_refusal_of_the_host() {
        let mut limiter = Limiter::new(&Limits::default(), None);
        assert!(!limiter.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(!limiter.table_growing(0, 2, Some(1)).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(!limiter.table_growing(0, 20_001, None).unwrap());
        assert_eq!(limiter.refused(), Some(Limit::TableElements));
    }
}
