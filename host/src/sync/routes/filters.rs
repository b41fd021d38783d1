//! The filters of a route: compiled when the first record needs one, and their process gone
//! with the last.

use super::half::Way;
use crate::{
    model::{Failure, Route},
    sync::mapping::{Filter, Filters, MappingError},
};
use serde_json::Value;
use tokio::{sync::OnceCell, task::spawn_blocking};

/// The filters of a route.
pub(super) struct RouteFilters {
    how: Filters,
    map: String,
    back: Option<String>,
    compiled: OnceCell<Vec<Filter>>,
}

impl RouteFilters {
    pub(super) fn of(how: Filters, route: &Route) -> Self {
        Self { how, map: route.map.clone(), back: route.back.clone(), compiled: OnceCell::new() }
    }

    /// Compiles them, only to see whether they can be.
    ///
    /// # Errors
    /// Names the one that is wrong.
    pub(super) async fn check(&self) -> Result<(), MappingError> {
        self.compiled().await.map(|_| ())
    }

    /// What a record becomes on its way; none where it is left out.
    ///
    /// # Errors
    /// Of class `invalid-data` where record and filter do not fit; of another one where
    /// nothing can be mapped now.
    pub(super) async fn run(&self, way: Way, payload: Value) -> Result<Option<Value>, Failure> {
        let filters = self.compiled().await.map_err(MappingError::into_failure)?;
        let filter = match way {
            Way::There => filters.first(),
            Way::Back => filters.get(1),
        };
        let Some(filter) = filter.cloned() else { return Ok(None) };
        let given = spawn_blocking(move || filter.run(&payload)).await;
        let given = given.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        Ok(given.filter(|value| !value.is_null()))
    }

    async fn compiled(&self) -> Result<&Vec<Filter>, MappingError> {
        let compile = async || {
            let (how, map, back) = (self.how.clone(), self.map.clone(), self.back.clone());
            let compiled = spawn_blocking(move || {
                let mut texts = vec![("map", map.as_str())];
                texts.extend(back.as_deref().map(|back| ("back", back)));
                Filter::all(&how, &texts)
            });
            compiled.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        };
        self.compiled.get_or_try_init(compile).await
    }
}
