//! When a record is not carried over any more, before somebody has a look.

use super::{
    half::{Half, Way},
    step::{Step, View},
};
use crate::{
    model::{Author, Class, Failure},
    store::{self, FeedRow},
};

impl Step {
    /// Why the record is not to be carried over any more, where it goes back and forth.
    pub(super) async fn bounces(
        &self,
        half: Half<'_>,
        row: &FeedRow,
        view: &View,
        fields: &[String],
    ) -> store::Result<Option<Failure>> {
        let (end, shared) = (half.source(), &self.sync.shared);
        let (trails, keys) = (shared.store.trails(), vec![row.key.key.clone()]);
        let trail = trails.get_many(end.channel, &end.connector, keys).await?.pop();
        let author = trail.and_then(|trail| trail.last().map(|step| step.author.clone()));
        let is_echo = matches!(author, Some(Author::Route(_) | Author::Answer));
        let from = match half.way {
            Way::There => &row.key.key,
            Way::Back => &view.target_key,
        };
        if !self.board.bounces(self.route.id, from, half.way, is_echo, shared.clock.now()) {
            return Ok(None);
        }
        let field = fields.first().map_or("", String::as_str);
        let words = format!(
            "{field} goes back and forth between the two records without an edit: the remote systems change what they \
             get; leave it out of the filters, then: tidegate route failed retry {} --all",
            self.route.name
        );
        Ok(Some(Failure::new(Class::Conflict, "route.bouncing", words)))
    }
}
