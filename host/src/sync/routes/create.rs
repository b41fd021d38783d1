//! Making a route: what is refused, and in which words.

use super::{RouteError, Routes, ShownRoute, filters::RouteFilters, graph};
use crate::{
    model::{Name, Route, RouteConflicts, RouteDeletions, RouteEnd, RouteFill, SubscriberId, Ways, Write},
    store::Batch,
    sync::{Subscription, opener::Ready},
};

/// The longest name.
const NAME: usize = 64;

/// What an operator asks for.
#[derive(Clone, Debug)]
pub struct NewRoute {
    /// Unique in the host; none: made of those of the ends.
    pub name: Option<Name>,
    /// The channel that it comes from, by its name, and the connector.
    pub from: (String, Name),
    /// The channel that it goes to, and the connector.
    pub to: (String, Name),
    /// A jq filter from a payload of `from` to one of `to`.
    pub map: String,
    /// The filter for the way back; none: it goes one way.
    pub back: Option<String>,
    /// What becomes of a record whose counterpart is deleted.
    pub deletions: RouteDeletions,
    /// Who is right about a field that was changed at both ends.
    pub conflicts: RouteConflicts,
    /// Whether records that are there already are left alone until they change.
    pub only_new: bool,
}

/// One end of a route that is being made.
struct End {
    ready: Ready,
    connector: Name,
}

impl Routes {
    /// Makes a route. Records that are there already are carried over, too, unless only new
    /// ones are wanted.
    ///
    /// # Errors
    /// Says what stands against it.
    pub async fn create(&self, new: NewRoute) -> Result<ShownRoute, RouteError> {
        let _making = self.0.making.lock().await;
        let shared = &self.0.sync.shared;
        shared.subscribers.load(&shared.store).await?;
        let (mut route, routes) = self.drafted(&new).await?;
        if let Some(circle) = graph::circle(&routes, &route) {
            return Err(RouteError::Circle(self.words(&circle).await?));
        }
        RouteFilters::of(shared.config.filters(), &route).check().await?;
        // Before what is there is counted: what comes from now on is told.
        shared.subscribers.put_all(&Subscription::of_route(&route));
        let total = shared.store.records().count(route.from.channel, &route.from.connector).await?;
        route.fill = (!new.only_new && total > 0).then_some(RouteFill { after: None, done: 0, total });
        let mut batch = Batch::new();
        batch.expect_channel(route.from.channel);
        batch.expect_channel(route.to.channel);
        batch.put_route(&route);
        if let Err(error) = shared.store.commit(batch).await {
            shared.subscribers.remove(route.id);
            return Err(error.into());
        }
        tracing::info!(route = %route.name, "route created");
        self.0.board.touch();
        self.shown(route).await
    }

    /// The route as it would be, and those that there are.
    pub(super) async fn drafted(&self, new: &NewRoute) -> Result<(Route, Vec<Route>), RouteError> {
        let (from, to) = (self.end(&new.from).await?, self.end(&new.to).await?);
        if from.end() == to.end() {
            return Err(RouteError::SameEnds(from.words()));
        }
        let follows = new.deletions == RouteDeletions::Follow;
        to.writable(follows)?;
        if new.back.is_some() {
            from.writable(follows)?;
        }
        let routes = self.store().routes().list().await?;
        let ends = |route: &Route| [route.from.clone(), route.to.clone()];
        let mine = [from.end(), to.end()];
        let same = routes.iter().find(|route| ends(route).iter().all(|end| mine.contains(end)));
        if let Some(route) =
            same.filter(|route| route.from == mine[0] || route.is_two_way() || new.back.is_some())
        {
            return Err(RouteError::Twice(route.name.clone()));
        }
        let name = match &new.name {
            Some(name) => name.clone(),
            None => made_name(&from, &to)?,
        };
        if routes.iter().any(|route| route.name == name) {
            return Err(RouteError::NameTaken(name));
        }
        let route = Route {
            id: SubscriberId::new(),
            name,
            from: from.end(),
            to: to.end(),
            map: new.map.clone(),
            back: new.back.clone(),
            deletions: new.deletions,
            conflicts: new.conflicts,
            paused: false,
            fill: None,
            created: self.0.sync.shared.clock.now(),
        };
        Ok((route, routes))
    }

    async fn end(&self, (channel, connector): &(String, Name)) -> Result<End, RouteError> {
        let found = self.store().channels().by_name(channel).await?;
        let found = found.ok_or_else(|| crate::channels::Error::NoChannel(channel.clone()))?;
        let ready = self.0.sync.shared.opener.reopen(found.id).await?;
        let is_on = ready.channel.connectors.contains(connector);
        if !is_on || ready.channel_type.connector(connector.as_str()).is_none() {
            return Err(RouteError::NoConnector { channel: channel.clone(), connector: connector.clone() });
        }
        Ok(End { ready, connector: connector.clone() })
    }

    async fn words(&self, circle: &[RouteEnd]) -> Result<String, RouteError> {
        let mut words = Vec::with_capacity(circle.len());
        for end in circle {
            let channel = self.store().channels().get(end.channel).await?;
            let name = channel.map_or_else(|| end.channel.to_string(), |channel| channel.name.to_string());
            words.push(format!("{name}/{}", end.connector));
        }
        Ok(words.join(" -> "))
    }
}

impl End {
    fn end(&self) -> RouteEnd {
        RouteEnd { channel: self.ready.channel.id, connector: self.connector.clone() }
    }

    fn words(&self) -> String {
        format!("{}/{}", self.ready.channel.name, self.connector)
    }

    /// Whether a route can write records here.
    fn writable(&self, deletes: bool) -> Result<(), RouteError> {
        let (channel, connector) = (&self.ready.channel, &self.connector);
        let refuse = |cure: String| {
            Err(RouteError::NotWritable {
                channel: channel.name.to_string(),
                connector: connector.clone(),
                cure,
            })
        };
        let Some(offered) = self.ready.channel_type.connector(connector.as_str()) else { return Ok(()) };
        if offered.direction != Ways::TwoWay {
            return refuse("the plugin only imports these records; choose another connector".into());
        }
        if !channel.two_way {
            return refuse(format!(
                "the channel only imports; mend it with: tidegate channel edit {} --two-way",
                channel.name
            ));
        }
        let can = |kind| offered.writes.contains(&kind);
        match (can(Write::Create), can(Write::Update), can(Write::Delete)) {
            (false, _, _) => {
                refuse("the remote system lets nobody create such records; choose another connector".into())
            }
            (_, false, _) => {
                refuse("the remote system lets nobody change such records; choose another connector".into())
            }
            (_, _, false) if deletes => refuse(
                "the remote system lets nobody delete such records; leave out --deletions follow".into(),
            ),
            _ => Ok(()),
        }
    }
}

/// `zendesk-1-ticket-to-github-1-issue`.
fn made_name(from: &End, to: &End) -> Result<Name, RouteError> {
    let of = |end: &End| format!("{}-{}", end.ready.channel.name, end.connector).to_ascii_lowercase();
    let text = format!("{}-to-{}", of(from), of(to));
    let text = text.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let text = text.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name = Name::try_new(text.chars().take(NAME).collect::<String>());
    name.map_err(|_| RouteError::NoName)
}
