//! Captures every log line of the test binary, of all targets, down to TRACE (LEA-01).

use std::{
    fmt::{self, Write as _},
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

static LINES: Mutex<String> = Mutex::new(String::new());
static INSTALL: Once = Once::new();

/// Begins to capture, once per process. Answers where the capture stands now.
pub fn capture() -> usize {
    INSTALL.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Capture);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    });
    lines().len()
}

/// What was logged since the capture stood at `start`, one event or span a line.
pub fn since(start: usize) -> String {
    lines().get(start..).unwrap_or_default().to_owned()
}

fn lines() -> MutexGuard<'static, String> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes every span and event down with all its fields.
struct Capture;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut line = Line::about(attributes.metadata());
        attributes.record(&mut line);
        line.keep();
    }

    fn on_record(&self, _: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        let mut line = Line("record".to_owned());
        values.record(&mut line);
        line.keep();
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::about(event.metadata());
        event.record(&mut line);
        line.keep();
    }
}

struct Line(String);

impl Line {
    fn about(metadata: &tracing::Metadata<'_>) -> Self {
        Self(format!(
            "{} {} {}",
            metadata.level(),
            metadata.target(),
            metadata.name()
        ))
    }

    fn keep(self) {
        let mut lines = lines();
        lines.push_str(&self.0);
        lines.push('\n');
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Neither quoted nor escaped: a secret is to be found as it is.
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}
