//! Hosts, methods, paths.

use claviger_tests::{TestServer, http::Request};
use serde_json::json;

#[tokio::test]
async fn htp_10_a_request_names_exactly_one_host() {
    let server = TestServer::start().await;
    let host = server.host().to_owned();
    for target in ["/start", "/token", "/assignment/accounts", "/nowhere"] {
        let missing = Request::get(target).bare().header("Connection", "close");
        server.send(missing).await.assert_status(400);
        for second in [host.as_str(), "evil.example"] {
            let repeated = Request::get(target)
                .header("Host", &host)
                .header("Host", second);
            server.send(repeated).await.assert_status(400);
        }
        let empty = Request::get(target).header("Host", "");
        let status = server.send(empty).await.status.as_u16();
        assert!(matches!(status, 400 | 401 | 405 | 421), "{target} {status}");
    }
}

#[tokio::test]
async fn htp_10_an_address_in_the_request_line_must_agree_with_the_host() {
    let server = TestServer::start().await;
    let host = server.host().to_owned();
    let both = |line: &str, header: &str| {
        Request::get(format!("http://{line}/start")).header("Host", header)
    };
    server.send(both(&host, &host)).await.assert_status(303);
    server
        .send(both("evil.example", &host))
        .await
        .assert_status(400);
    server
        .send(both(&host, "evil.example"))
        .await
        .assert_status(400);
    server
        .send(both("evil.example", "evil.example"))
        .await
        .assert_status(421);
}

#[tokio::test]
async fn htp_10_people_are_served_at_our_own_host_alone_programs_at_any() {
    let server = TestServer::start().await;
    for target in [
        "/",
        "/start",
        "/sign-in",
        "/device",
        "/sessions",
        "/authorize",
        "/nowhere",
    ] {
        for host in ["evil.example", "127.0.0.1", "localhost", "127.0.0.1:1"] {
            let away = server.send(Request::get(target).header("Host", host)).await;
            away.assert_status(421);
            assert!(!away.text().contains(host) || host == "127.0.0.1", "{away}");
            assert_eq!(away.values("set-cookie"), Vec::<&str>::new());
        }
    }
    // Some clients hard-code AWS's host names and reach us by DNS.
    let request = Request::post("/client/register")
        .header("Host", "oidc.eu-central-1.amazonaws.com")
        .json(&json!({ "clientName": "a", "clientType": "public" }));
    server.send(request).await.assert_status(200);
    let request = Request::get("/assignment/accounts").header("Host", "evil.example");
    server
        .send(request)
        .await
        .assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn htp_11_other_methods_do_nothing() {
    let server = TestServer::start().await;
    let body = json!({ "clientName": "a", "clientType": "public" });
    for method in [
        "TRACE", "get", "post", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
    ] {
        for target in [
            "/client/register",
            "/token",
            "/device_authorization",
            "/logout",
        ] {
            let answer = server.send(Request::new(method, target).json(&body)).await;
            answer.assert_error(405, "UnknownOperationException");
            assert_eq!(answer.header("allow"), Some("POST"), "{answer}");
        }
        for target in ["/assignment/accounts", "/federation/credentials"] {
            let answer = server.send(Request::new(method, target).json(&body)).await;
            answer.assert_error(405, "UnknownOperationException");
        }
        for target in [
            "/start",
            "/sign-in",
            "/device",
            "/device/approve",
            "/sessions/end",
        ] {
            let answer = server.send(Request::new(method, target).json(&body)).await;
            answer.assert_status(405);
        }
    }
    let connect = Request::new("CONNECT", server.host().to_owned());
    let status = server.send(connect).await.status.as_u16();
    assert!((400..600).contains(&status), "{status}");
}

#[tokio::test]
async fn htp_11_no_header_changes_the_method() {
    let server = TestServer::start().await;
    let body = json!({ "clientName": "a", "clientType": "public" });
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
    ] {
        let get = Request::get("/client/register")
            .header(name, "POST")
            .json(&body);
        server
            .send(get)
            .await
            .assert_error(405, "UnknownOperationException");
        let post = Request::post("/client/register")
            .header(name, "GET")
            .json(&body);
        server.send(post).await.assert_status(200);
    }
}

#[tokio::test]
async fn htp_12_paths_are_exact() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let body = client.with(json!({ "startUrl": server.context.links.start_url() }));
    for target in [
        "//device_authorization",
        "/device_authorization/",
        "/%64evice_authorization",
        "/device_authorization;x",
        "/a/../device_authorization",
        "/./device_authorization",
        "/Device_Authorization",
        "/device_authorization%00",
        "/device_authorization%3Fx",
        "/device%5fauthorization",
        "/v1/device_authorization",
    ] {
        let answer = server.send(Request::post(target).json(&body)).await;
        answer.assert_error(404, "UnknownOperationException");
    }
    assert_eq!(server.rows().devices(), 0);
    for target in [
        "//start",
        "/%73tart",
        "/start;x",
        "/a/../start",
        "/START",
        "/start//",
    ] {
        let request = Request::get(target).header("Accept", "text/html");
        server.send(request).await.assert_error_page(404, "");
        server
            .send(Request::get(target))
            .await
            .assert_error(404, "UnknownOperationException");
    }
}
