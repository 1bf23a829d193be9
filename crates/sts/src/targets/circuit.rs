//! The circuit breaker of one target.
//!
//! Closed, it watches the last 20 calls. When half of them failed it opens: for five seconds no
//! call is made and everyone is told at once. Then one probe goes through; the probe's outcome
//! closes it or opens it again. A refusal or a throttling is an answer, not a failure.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Calls that are looked back upon.
const WINDOW: usize = 20;
/// Failures among them that open the circuit: 50 %.
const FAILURES: usize = WINDOW / 2;
/// How long an open circuit stays open before the next probe.
const REST: Duration = Duration::from_secs(5);

pub(super) struct Circuit {
    target: String,
    state: Mutex<State>,
}

enum State {
    Closed { failed: VecDeque<bool> },
    Open { until: Instant },
    Probing,
}

/// Leave to make one call. Dropped without a report it counts as a failure, so that no probe is
/// lost and leaves the circuit half-open for ever.
pub(super) struct Pass {
    circuit: Arc<Circuit>,
    probe: bool,
    failed: bool,
}

impl Pass {
    pub(super) fn report(mut self, failed: bool) {
        self.failed = failed;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.circuit.record(self.probe, self.failed);
    }
}

impl Circuit {
    pub(super) fn new(target: String) -> Self {
        Self {
            target,
            state: Mutex::new(State::closed()),
        }
    }

    /// A pass, or nothing while the circuit is open or its probe is under way.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Pass> {
        let mut state = self.lock();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if Instant::now() >= until => {
                *state = State::Probing;
                true
            }
            State::Open { .. } | State::Probing => return None,
        };
        drop(state);
        Some(Pass {
            circuit: self.clone(),
            probe,
            failed: true,
        })
    }

    /// Outside the closed state only the probe's outcome counts: calls that began before the
    /// circuit opened tell nothing about now.
    fn record(&self, probe: bool, failure: bool) {
        let mut state = self.lock();
        let next = match &mut *state {
            State::Closed { failed } => failed_too_often(failed, failure).then(State::opened),
            State::Probing if probe && failure => Some(State::opened()),
            State::Probing if probe => Some(State::closed()),
            State::Probing | State::Open { .. } => None,
        };
        let Some(next) = next else { return };
        match next {
            State::Closed { .. } => tracing::info!(target_name = self.target, "circuit closed"),
            State::Open { .. } | State::Probing => {
                tracing::warn!(
                    target_name = self.target,
                    "circuit opened: the target fails"
                );
            }
        }
        *state = next;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn closed() -> Self {
        Self::Closed {
            failed: VecDeque::with_capacity(WINDOW),
        }
    }

    fn opened() -> Self {
        Self::Open {
            until: Instant::now() + REST,
        }
    }
}

fn failed_too_often(window: &mut VecDeque<bool>, failure: bool) -> bool {
    if window.len() == WINDOW {
        window.pop_front();
    }
    window.push_back(failure);
    window.len() == WINDOW && window.iter().filter(|failed| **failed).count() >= FAILURES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Arc<Circuit> {
        Arc::new(Circuit::new("aws".to_owned()))
    }

    fn report(circuit: &Arc<Circuit>, failures: impl IntoIterator<Item = bool>) {
        for failed in failures {
            circuit.admit().expect("closed").report(failed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_twenty_failures_open_it() {
        let circuit = circuit();
        report(&circuit, [false; 10].into_iter().chain([true; 9]));
        assert!(circuit.admit().is_some_and(|pass| {
            pass.report(true);
            true
        }));
        assert!(circuit.admit().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn nineteen_failures_are_too_few_to_judge() {
        let circuit = circuit();
        report(&circuit, [true; 19]);
        assert!(circuit.admit().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_than_half_never_open_it() {
        let circuit = circuit();
        report(&circuit, (0..200).map(|call| call % 20 < 9));
        assert!(circuit.admit().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_one_probe_decides() {
        let circuit = circuit();
        report(&circuit, [true; 20]);
        tokio::time::advance(REST).await;
        let probe = circuit.admit().expect("the probe");
        assert!(circuit.admit().is_none(), "one probe only");
        drop(probe);
        assert!(circuit.admit().is_none(), "a lost probe is a failed one");

        tokio::time::advance(REST).await;
        circuit.admit().expect("the second probe").report(false);
        report(&circuit, [false; 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn stragglers_do_not_disturb_an_open_circuit() {
        let circuit = circuit();
        let straggler = circuit.admit().expect("closed");
        report(&circuit, [true; 20]);
        straggler.report(false);
        assert!(circuit.admit().is_none());
    }
}
