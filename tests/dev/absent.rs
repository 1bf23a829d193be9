//! `serve` has none of it.

use claviger_tests::{http::Request, instance::Service};

#[tokio::test]
async fn no_route_of_dev_is_there_in_serve() {
    let service = Service::init();
    let running = service.serve().await;
    let link = service.link();
    let routes = [
        "instance",
        "approve",
        "deny",
        "authorize",
        "users",
        "assignments",
        "directory",
        "clock",
        "tokens/expire",
        "admin",
        "events",
        "faults",
        "reset",
        "sts",
        "",
    ];
    for route in routes {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let request = Request::new(method, format!("/_dev/{route}"))
                .header("Authorization", "Bearer x")
                .body("{}");
            let answer = link.send(&request).await;
            answer.assert_error(404, "UnknownOperationException");
        }
    }
    running.terminate();
    running.end().assert_code(0);
}
