//! What a route would do with records that are here, before anybody lets it. It only reads.

use super::{
    NewRoute, RouteError, Routes,
    desk::Plan,
    filters::RouteFilters,
    half::{Half, Way},
    step::{Blind, Step, Trouble, View},
};
use crate::{
    model::{Failure, RecordKey, Route, RouteEnd},
    sync::{
        Field,
        reconcile::{payload, value},
        rehearsal,
    },
};
use serde_json::{Value, value::RawValue};
use std::{collections::HashMap, sync::Arc};

/// What is to be tried.
#[derive(Clone, Debug, Default)]
pub struct TrialAsk {
    /// A route that is there; what is given beside it counts instead of its own.
    pub name: Option<String>,
    /// A route that is not there yet.
    pub new: Option<NewRoute>,
    /// Another filter.
    pub map: Option<String>,
    /// Another filter for the way back.
    pub back: Option<String>,
    /// This record; none: the first ones.
    pub key: Option<RecordKey>,
    /// Whether records of the end that it goes to are tried on their way back.
    pub reversed: bool,
    /// How many records.
    pub limit: usize,
}

/// What would become of a record's counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriedWhat {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It is as it should be.
    Unchanged,
    /// The filter gives nothing for the record.
    LeftOut,
    /// Nothing, as it is now.
    Nothing,
}

/// What a route would do with a record.
#[derive(Debug)]
pub struct Tried {
    /// The record.
    pub key: RecordKey,
    /// Its counterpart, there or to be made.
    pub counterpart: Option<RecordKey>,
    /// The record that a new one would belong to.
    pub parent: Option<RecordKey>,
    /// What would become of it.
    pub what: TriedWhat,
    /// What would differ in it afterwards, at most 50 places.
    pub fields: Vec<Field>,
    /// The whole of it afterwards.
    pub payload: Option<Box<RawValue>>,
    /// Why it would not be done, or not yet.
    pub problem: Option<Failure>,
}

impl Routes {
    /// Shows what a route makes of records, and writes nothing.
    ///
    /// # Errors
    /// There is no such route or record, a filter is wrong, or the store fails.
    pub async fn test(&self, ask: TrialAsk) -> Result<Vec<Tried>, RouteError> {
        let (route, routes) = self.on_trial(&ask).await?;
        let shared = &self.0.sync.shared;
        let filters = RouteFilters::of(shared.config.filters(), &route);
        filters.check().await?;
        let step = Step {
            sync: self.0.sync.clone(),
            board: Arc::clone(&self.0.board),
            route,
            routes: Arc::new(routes),
            names: Arc::new(HashMap::new()),
            filters,
        };
        let way = if ask.reversed { Way::Back } else { Way::There };
        let half = Half::all(&step.route).find(|half| half.way == way);
        let half = half.ok_or_else(|| RouteError::Filter {
            place: "back".into(),
            cure: "there is none: the route goes one way".into(),
        })?;
        let mut tried = Vec::new();
        for key in self.keys(half.source(), &ask).await? {
            tried.push(shown(&key, step.view(half, &key).await)?);
        }
        Ok(tried)
    }

    async fn on_trial(&self, ask: &TrialAsk) -> Result<(Route, Vec<Route>), RouteError> {
        let (mut route, routes) = match (&ask.name, &ask.new) {
            (Some(name), _) => (self.find(name).await?, self.store().routes().list().await?),
            (None, Some(new)) => self.drafted(new).await?,
            (None, None) => return Err(RouteError::NothingToTest),
        };
        if let Some(map) = &ask.map {
            route.map.clone_from(map);
        }
        if let Some(back) = &ask.back {
            route.back = Some(back.clone());
        }
        Ok((route, routes))
    }

    async fn keys(&self, end: &RouteEnd, ask: &TrialAsk) -> Result<Vec<RecordKey>, RouteError> {
        let records = self.store().records();
        match &ask.key {
            None => Ok(records.keys(end.channel, &end.connector, None, ask.limit).await?),
            Some(key) => match records.get(end.channel, &end.connector, key).await? {
                Some(_) => Ok(vec![key.clone()]),
                None => Err(RouteError::NoRecord(key.clone())),
            },
        }
    }
}

fn shown(key: &RecordKey, view: Result<View, Blind>) -> Result<Tried, RouteError> {
    let nothing = |problem| Tried {
        key: key.clone(),
        counterpart: None,
        parent: None,
        what: TriedWhat::Nothing,
        fields: Vec::new(),
        payload: None,
        problem: Some(problem),
    };
    let view = match view {
        Ok(view) => view,
        Err(Blind::Waits(failure) | Blind::Failed(failure)) => return Ok(nothing(failure)),
        Err(Blind::Trouble(Trouble::Other(failure))) => return Ok(nothing(failure)),
        Err(Blind::Trouble(Trouble::Store(error))) => return Err(error.into()),
    };
    let before = view.target.as_ref().map(|target| value(&target.payload));
    let (what, after) = match (&view.plan, &before) {
        (Plan::Write { payload, .. }, Some(_)) => (TriedWhat::Update, Some(payload.clone())),
        (Plan::Write { payload, .. }, None) => (TriedWhat::Create, Some(payload.clone())),
        (Plan::LeftOut, _) => (TriedWhat::LeftOut, None),
        (Plan::Note(_) | Plan::Link | Plan::Nothing, _) => (TriedWhat::Unchanged, before.clone()),
        (Plan::Relink, _) => (TriedWhat::Create, view.mapped.clone()),
        (Plan::Delete | Plan::Unlink, _) => (TriedWhat::Nothing, None),
    };
    let fields = after.as_ref().map(|after| differences(before.as_ref(), after)).unwrap_or_default();
    let payload = after.and_then(|after| serde_json::value::to_raw_value(&after).ok());
    let (counterpart, parent) = (Some(view.target_key), view.parent);
    Ok(Tried { key: key.clone(), counterpart, parent, what, fields, payload, problem: None })
}

fn differences(before: Option<&Value>, after: &Value) -> Vec<Field> {
    let nothing = Value::Object(serde_json::Map::new());
    rehearsal::of_payloads(&payload(before.unwrap_or(&nothing)), &payload(after)).0
}
