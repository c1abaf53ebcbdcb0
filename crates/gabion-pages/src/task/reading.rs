//! Reading scripts of others as soon as browsers tell that they run: a browser tells a hash, and people want to read a
//! difference.

use std::collections::BTreeMap;
use std::time::Duration;

use gabion_core::Timestamp;
use gabion_markup::Address;
use gabion_markup::sighting::Seen;

use super::looking::read_script;
use crate::look::Outside;
use crate::store::script::{self, Unread};
use crate::{Pages, PagesError};

/// Scripts that one reading fetches.
const READ_PER_ROUND_MAX: usize = 20;
/// What browsers ran longer ago is not what is there now.
const RAN_WITHIN: Duration = Duration::from_secs(600);
/// The same script with the same hash is not fetched again for so long.
const AGAIN_AFTER: Duration = Duration::from_secs(3600);
/// Scripts that are remembered as read.
const REMEMBERED_MAX: usize = 2_000;

/// What was read lately, so that a script that does not come is not asked for with every report.
#[derive(Debug, Default)]
pub struct AlreadyRead(BTreeMap<Unread, Timestamp>);

impl AlreadyRead {
    /// Whether it may be read now; from then on it was.
    fn take(&mut self, script: &Unread, now: Timestamp) -> bool {
        if self.0.get(script).is_some_and(|at| now.since(*at) < AGAIN_AFTER) {
            return false;
        }
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        self.0.insert(script.clone(), now);
        true
    }
}

impl Pages {
    /// Fetches scripts of others on payment pages whose text is not known, so that the next change can be shown. Says how many
    /// were asked for.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn read_scripts(
        &self,
        outside: &dyn Outside,
        read: &mut AlreadyRead,
    ) -> Result<usize, PagesError> {
        let now = self.now();
        let since = now.before(RAN_WITHIN);
        let most = READ_PER_ROUND_MAX + REMEMBERED_MAX;
        let unread = self.db().read(move |tx| Ok::<_, PagesError>(script::unread(tx, since, most)?)).await?;
        let unread: Vec<_> =
            unread.into_iter().filter(|script| read.take(script, now)).take(READ_PER_ROUND_MAX).collect();
        let mut sightings = Vec::new();
        for Unread { site, key, .. } in &unread {
            let Some(address) = Address::parse(key) else { continue };
            // A script that does not come is known by its hash alone, as before.
            if let Ok(answer) = outside.look(site, &address).await
                && answer.status == 200
                && !answer.is_cut
            {
                sightings.push(self.seen(site, Seen::Script(read_script(&address, &answer))));
            }
        }
        self.take(sightings).await?;
        Ok(unread.len())
    }
}
