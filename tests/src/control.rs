//! A caller of the control API of `claviger dev`.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{Connection, Request, Response};

/// The control API of one instance.
#[derive(Clone, Debug)]
pub struct Control {
    /// Where the instance listens.
    pub address: SocketAddr,
    /// What it wants to be called.
    pub host: String,
    /// What its first line tells.
    pub token: String,
}

impl Control {
    /// Sends a request, with the bearer.
    pub async fn send(&self, request: Request) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let request = request.header("Authorization", bearer);
        Connection::exchange(self.address, &self.host, &request).await
    }

    /// Posts to a route that must take it.
    pub async fn post(&self, route: &str, body: &Value) -> Value {
        let request = Request::post(format!("/_dev/{route}")).json(body);
        self.send(request).await.assert_status(200).json()
    }

    /// Reads a route.
    pub async fn get(&self, route: &str) -> Value {
        let request = Request::get(format!("/_dev/{route}"));
        self.send(request).await.assert_status(200).json()
    }

    /// Posts what must be refused, and answers the words.
    pub async fn refused(&self, status: u16, route: &str, body: &Value) -> String {
        let request = Request::post(format!("/_dev/{route}")).json(body);
        let answer = self.send(request).await;
        answer.assert_status(status).member("error")
    }

    /// Adds a line to the fault script.
    pub async fn fault(&self, operation: &str, fault: &str, times: u32) {
        let line = json!({ "operation": operation, "fault": fault, "times": times });
        self.post("faults", &line).await;
    }

    /// The operations of all events, with status and fault.
    pub async fn told(&self) -> Vec<String> {
        let events = self.get("events").await;
        let events = events.get("events").and_then(Value::as_array).cloned();
        let word = |event: &Value, name: &str| {
            let value = event.get(name).filter(|value| !value.is_null());
            value.map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
        };
        let line = |event: &Value| {
            let words = ["person", "operation", "status", "error", "fault"];
            let words = words.iter().filter_map(|name| word(event, name));
            words.collect::<Vec<_>>().join(" ")
        };
        events.expect("events").iter().map(line).collect()
    }
}
