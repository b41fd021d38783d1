//! From a request to runs in the order in which they go.
//!
//! It decides and starts nothing.

use super::{Error, opener::Ready};
use crate::model::{
    Asked, Channel, ChannelType, Class, Connector, Counters, Direction, DrivenBy, Failure, Job, Name, Run,
    RunId, Status, Usage, Ways,
};

/// The connectors to run, those that others depend on first, then by `order`,
/// then as the channel lists them.
///
/// # Errors
/// Names what stands against the request.
pub(super) fn plan(ready: &Ready, direction: Direction, asked: &Asked) -> Result<Vec<Connector>, Error> {
    if direction == Direction::Call {
        let message = "a call is asked for with its operation and its input, not by a sync";
        return Err(Failure::new(Class::Unsupported, "sync.direction", message).into());
    }
    let channel = &ready.channel;
    if !channel.enabled {
        return Err(Error::Disabled(channel.name.clone()));
    }
    let wanted = wanted(channel, asked)?;
    if direction == Direction::Export {
        return outward(ready, wanted);
    }
    let mut connectors = Vec::with_capacity(wanted.len());
    for name in wanted {
        let connector = offered(&ready.channel_type, channel, name)?;
        if asked.full && connector.driven_by == DrivenBy::Cursor && !connector.supports_full {
            return Err(Error::NoFull { channel: channel.name.clone(), connector: name.clone() });
        }
        connectors.push(connector.clone());
    }
    Ok(in_order(connectors))
}

/// Those of the connectors that export.
fn outward(ready: &Ready, wanted: Vec<&Name>) -> Result<Vec<Connector>, Error> {
    let channel = &ready.channel;
    let offered = wanted.into_iter().map(|name| offered(&ready.channel_type, channel, name).cloned());
    let mut connectors = offered.collect::<Result<Vec<_>, _>>()?;
    connectors.retain(|connector| connector.direction == Ways::TwoWay);
    if connectors.is_empty() || !channel.two_way {
        return Err(Error::NothingToExport(channel.name.clone()));
    }
    Ok(in_order(connectors))
}

/// One queued run a connector.
pub(super) fn runs(plan: &[Connector], job: &Job) -> Vec<Run> {
    plan.iter().zip(0..).map(|(connector, order)| run(&connector.id, order, job)).collect()
}

/// The runs of a job that has not begun, after more was asked for.
pub(super) fn extended(mut runs: Vec<Run>, plan: &[Connector], job: &Job) -> Vec<Run> {
    let of = |(connector, order): (&Connector, u32)| {
        let place = runs.iter().position(|run| run.connector == connector.id);
        match place.map(|place| runs.swap_remove(place)) {
            Some(run) => {
                let Asked { full, record, trigger, .. } = job.asked;
                Run { order, full, record, trigger, ..run }
            }
            None => self::run(&connector.id, order, job),
        }
    };
    plan.iter().zip(0..).map(of).collect()
}

/// A queued run of a connector.
pub(super) fn run(connector: &Name, order: u32, job: &Job) -> Run {
    Run {
        id: RunId::new(),
        job: job.id,
        channel_id: job.channel_id,
        channel: job.channel.clone(),
        connector: connector.clone(),
        direction: job.direction,
        trigger: job.asked.trigger,
        full: job.asked.full,
        record: job.asked.record,
        order,
        status: Status::Queued,
        deferred: None,
        tries: 0,
        begun: false,
        requested: job.requested,
        started: None,
        ended: None,
        pages: 0,
        counters: Counters::default(),
        total: None,
        error: None,
        usage: Usage::default(),
    }
}

fn wanted<'a>(channel: &'a Channel, request: &'a Asked) -> Result<Vec<&'a Name>, Error> {
    let stranger = request.connectors.iter().find(|name| !channel.connectors.contains(name));
    if let Some(stranger) = stranger {
        return Err(Error::NoConnector { channel: channel.name.clone(), connector: stranger.clone() });
    }
    if channel.connectors.is_empty() {
        return Err(Error::NothingToSync(channel.name.clone()));
    }
    let all = request.connectors.is_empty();
    let asked = |name: &&Name| all || request.connectors.contains(name);
    Ok(channel.connectors.iter().filter(asked).collect())
}

fn offered<'a>(
    channel_type: &'a ChannelType,
    channel: &Channel,
    name: &Name,
) -> Result<&'a Connector, Error> {
    channel_type
        .connector(name.as_str())
        .ok_or_else(|| Error::NotOffered { channel: channel.name.clone(), connector: name.clone() })
}

/// Topological, `order` deciding between those that are free to go; the sort
/// is stable, so that the channel's own order decides the rest. Connectors in
/// a ring (the catalog refuses them) go as `order` says, rather than never.
fn in_order(mut waiting: Vec<Connector>) -> Vec<Connector> {
    waiting.sort_by_key(|connector| connector.order);
    let mut sorted = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = |connector: &Connector| {
            !waiting.iter().any(|other| other.id != connector.id && connector.depends_on.contains(&other.id))
        };
        let next = waiting.iter().position(free).unwrap_or(0);
        sorted.push(waiting.remove(next));
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Trigger,
        sync::tests::support::{connector, name, ready},
    };

    fn request(connectors: &[&str], full: bool) -> Asked {
        let connectors = connectors.iter().map(|text| name(text)).collect();
        Asked { connectors, full, record: false, trigger: Trigger::Request }
    }

    /// `offered`: `id`, `id<dependency,dependency` and `@order` in the end.
    fn connectors(offered: &str) -> Vec<Connector> {
        let one = |text: &str| {
            let (text, order) = text.split_once('@').unwrap_or((text, "0"));
            let (id, needs) = text.split_once('<').unwrap_or((text, ""));
            let mut connector = connector(id);
            connector.order = order.parse().unwrap();
            connector.depends_on = needs.split(',').filter(|id| !id.is_empty()).map(name).collect();
            connector
        };
        offered.split_whitespace().map(one).collect()
    }

    fn check(offered: &str, asked: &[&str], expected: &str) {
        let plan = plan(&ready(connectors(offered)), Direction::Import, &request(asked, false));
        let found = match plan {
            Ok(plan) => plan.iter().map(|c| c.id.to_string()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{offered} {asked:?}");
    }

    #[test]
    fn runs_go_in_the_order_of_dependencies_then_order_then_channel() {
        check("c b a", &[], "c b a");
        check("c@3 b@1 a@2", &[], "b a c");
        check("comment<ticket@-5 ticket<user@2 user@9", &[], "user ticket comment");
        check("a<z@0 z@9 m@1", &[], "m z a");
        check("d<b,c b<a c<a a", &[], "a b c d");
    }

    #[test]
    fn named_connectors_keep_that_order_and_nothing_else_runs() {
        check("comment<ticket ticket<user user", &["comment", "user"], "comment user");
        check("comment<ticket ticket user", &["comment", "ticket"], "ticket comment");
        check("a b", &["b", "b"], "b");
    }

    #[test]
    fn a_ring_of_dependencies_still_runs_everything() {
        check("a<b@2 b<a@1 c<a@3", &[], "b a c");
        check("self<self", &[], "self");
    }

    #[test]
    fn what_cannot_run_is_named() {
        check("a", &["b"], "channel 'test' has no connector 'b' switched on");
        check("", &[], "channel 'test' has no connectors switched on, so there is nothing to sync");
    }

    #[test]
    fn a_disabled_channel_is_refused() {
        let mut ready = ready(connectors("a"));
        ready.channel.enabled = false;
        assert!(matches!(plan(&ready, Direction::Import, &request(&[], false)), Err(Error::Disabled(_))));
    }

    #[test]
    fn a_connector_that_the_plugin_lost_is_refused() {
        let mut ready = ready(connectors("a"));
        ready.channel.connectors.push(name("gone"));
        assert!(matches!(
            plan(&ready, Direction::Import, &request(&[], false)),
            Err(Error::NotOffered { connector, .. }) if connector == name("gone")
        ));
    }

    #[test]
    fn full_is_refused_where_a_cursor_cannot_start_again() {
        let check = |driven_by, supports_full, full, fits: bool| {
            let mut one = connector("a");
            one.driven_by = driven_by;
            one.supports_full = supports_full;
            let found = plan(&ready(vec![one]), Direction::Import, &request(&[], full));
            assert_eq!(found.is_ok(), fits, "{driven_by:?} {supports_full} {full}");
        };
        check(DrivenBy::Cursor, true, true, true);
        check(DrivenBy::Cursor, false, true, false);
        check(DrivenBy::Cursor, false, false, true);
        check(DrivenBy::Keys, false, true, true);
    }
}
