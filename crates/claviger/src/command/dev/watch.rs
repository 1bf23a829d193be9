//! Who watches requests go by: the screen, the journal, and a person who approves every device.

use std::sync::Arc;

use claviger_engine::device::Answer;
use claviger_web::activity::{Activity, Observer};

use super::{journal::Journal, screen::Screen, world::World};

/// All watchers of one instance.
#[derive(Clone)]
pub(super) struct Watch {
    /// Nothing where a child has the terminal.
    pub(super) screen: Option<Screen>,
    pub(super) journal: Arc<Journal>,
    pub(super) world: Arc<World>,
    /// Approves every device code by themselves.
    pub(super) approver: Option<String>,
}

impl Observer for Watch {
    fn saw(&self, activity: &Activity) {
        self.journal.write(activity, self.world.context.now());
        if let Some(screen) = &self.screen {
            screen.saw(activity);
        }
        let started = activity.operation == "StartDeviceAuthorization";
        if let Some(user_code) = activity.user_code.clone().filter(|_| started) {
            self.approve(user_code);
        }
    }
}

impl Watch {
    fn approve(&self, user_code: String) {
        let Some(approver) = self.approver.clone() else {
            return;
        };
        let watch = self.clone();
        tokio::spawn(async move {
            let world = Arc::clone(&watch.world);
            let deciding = world.decide(&user_code, Some(&approver), Answer::everything(), &watch);
            if let Err(problem) = deciding.await {
                tracing::warn!(because = problem.because, "a device code was not approved");
            }
        });
    }
}
