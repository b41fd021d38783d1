//! Why something cannot be done with a route.

use crate::{
    channels,
    model::{Failure, Fault, Name, RecordKey},
    store,
    sync::mapping::MappingError,
};

/// Why something cannot be done with a route.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// Nothing has that name.
    #[error("there is no route '{0}': see the list of routes")]
    NoRoute(String),
    /// Names are unique.
    #[error("another route has the name '{0}'")]
    NameTaken(Name),
    /// A name cannot be made of those of the channels.
    #[error("give the route a name: a-z, 0-9 and '-'")]
    NoName,
    /// Both ends are the same.
    #[error("a route goes from one connector to another: '{0}' is both ends")]
    SameEnds(String),
    /// There is one already.
    #[error(
        "route '{0}' goes between these two already; to change it: tidegate route delete {0} --yes, then create it anew"
    )]
    Twice(Name),
    /// A record would come back to where it was.
    #[error("records would go in a circle: {0}; leave one of these routes out")]
    Circle(String),
    /// A filter cannot be used.
    #[error("the route's filter '{place}' cannot be used: {cure}")]
    Filter {
        /// `map` or `back`.
        place: String,
        /// What is wrong, and where.
        cure: String,
    },
    /// There is nothing to run filters with.
    #[error("{0}")]
    Worker(Failure),
    /// The channel's type has no such connector, or it is switched off.
    #[error("channel '{channel}' has no connector '{connector}' switched on")]
    NoConnector {
        /// The channel.
        channel: String,
        /// What was asked for.
        connector: Name,
    },
    /// Records cannot be written there.
    #[error("the route cannot write {channel}/{connector}: {cure}")]
    NotWritable {
        /// The channel.
        channel: String,
        /// The connector.
        connector: Name,
        /// What is missing, and how to mend it.
        cure: String,
    },
    /// Routes stand in the way of a channel's end.
    #[error("channel '{channel}' is used by {}: delete them first, or delete it with --force, and they go with it", names(.routes))]
    InUse {
        /// The channel.
        channel: String,
        /// Its routes.
        routes: Vec<Name>,
    },
    /// There is no such record to be shown.
    #[error("there is no record '{0}'")]
    NoRecord(RecordKey),
    /// A test without a route needs all of it.
    #[error("say which route, or give from, to and map")]
    NothingToTest,
    /// A channel.
    #[error(transparent)]
    Channels(#[from] channels::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl RouteError {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Worker(failure) => failure.fault(),
            Self::Channels(error) => error.fault(),
            Self::Store(error) => error.fault(),
            _ => Fault::Invalid,
        }
    }
}

impl From<MappingError> for RouteError {
    fn from(error: MappingError) -> Self {
        match error {
            MappingError::Refused { place, cure } => Self::Filter { place, cure },
            MappingError::Worker(failure) => Self::Worker(failure),
        }
    }
}

fn names(routes: &[Name]) -> String {
    let word = if routes.len() == 1 { "route" } else { "routes" };
    let names: Vec<_> = routes.iter().map(|name| format!("'{name}'")).collect();
    format!("{word} {}", names.join(", "))
}
