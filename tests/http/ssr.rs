//! SSR: what the server sends out, as those hear it whom it calls: an STS behind the product's own connector,
//! and an issuer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use claviger_engine::policy::Policy;
use claviger_federation::{fetch::Fetch, issuers::TrustedIssuers};
use claviger_model::{
    application::{ApplicationName, Attribute, IssuerName, IssuerRules, Workload},
    directory::UserName,
    id::TargetName,
    port::{
        credential_source::NotIssued,
        web_identity::{Statement, WebIdentity},
    },
    secret::Secret,
    time::Lifetime,
};
use claviger_sts::{
    assume_role::{AssumeRole, Identity, Settings},
    target::Target,
    targets::Targets,
};
use claviger_tests::{
    TestServer,
    clock::ManualClock,
    http::{Request, escape},
    issuer::{self, FakeIssuer},
    seed::{PRODUCTION, SANDBOX},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// In everything that strangers can write.
const FOREIGN: &str = "zzforeignzz";
/// What the server itself signs with at the STS.
const OWN_KEY: (&str, &str) = ("AKIABROKERSOWN", "the-brokers-own-secret");

/// An STS that gives everybody credentials and remembers what it heard.
struct Sts {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sts {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&ears)));
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(mut stream: TcpStream, ears: Arc<Mutex<Vec<String>>>) {
    let mut heard = String::new();
    let whole = |heard: &str| {
        let (head, body) = heard.split_once("\r\n\r\n")?;
        let length = header(head, "content-length")?.parse::<usize>().ok()?;
        (body.len() >= length).then_some(())
    };
    while whole(&heard).is_none() {
        let mut more = vec![0; 8192];
        let Ok(length @ 1..) = stream.read(&mut more).await else {
            return;
        };
        heard.push_str(&String::from_utf8_lossy(&more[..length]));
    }
    ears.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(heard);
    let body = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
        <AssumeRoleResult><Credentials><AccessKeyId>ASIAGIVEN</AccessKeyId>\
        <SecretAccessKey>given-secret</SecretAccessKey><SessionToken>given-token</SessionToken>\
        <Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
        </AssumeRoleResponse>";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Nobody asks for a token where the STS is called with a key.
struct NoTokens;

impl WebIdentity for NoTokens {
    fn token(&self, _: &Statement<'_>) -> Result<Secret, NotIssued> {
        Err(NotIssued::Unavailable {
            detail: "no tokens here".to_owned(),
        })
    }
}

/// A server that calls that STS, and trusts that issuer for a workload.
async fn server(sts: &Sts, issuer: &FakeIssuer) -> TestServer {
    let settings = Settings {
        endpoint: Some(format!("http://{}", sts.address)),
        identity: Identity::Key(OWN_KEY.0.to_owned(), Secret::from(OWN_KEY.1)),
        timeout: Duration::from_secs(5),
        ..Settings::of_region("us-east-1")
    };
    let connected = AssumeRole::connect(settings, Arc::new(NoTokens)).await;
    let target: Arc<dyn Target> = Arc::new(connected.expect("a target"));
    let name = IssuerName::parse("fake").expect("a name");
    let fetch = Fetch::new(vec![issuer.certificate()], true).expect("a way");
    let mut trusted = TrustedIssuers::new(Arc::new(ManualClock::default()));
    let trusting = trusted.trust(name.clone(), &issuer.url, fetch);
    trusting.expect("an issuer");
    TestServer::builder()
        .policy(move |policy| trust(policy, name))
        .world(move |world| {
            let world = world.issuers(trusted);
            world.source(move |_| {
                let name = TargetName::parse("fake").expect("a name");
                let clock = Arc::new(ManualClock::default());
                Targets::new(HashMap::from([(name, target)]), clock)
            })
        })
        .start()
        .await
}

fn trust(policy: &mut Policy, name: IssuerName) {
    let rules = IssuerRules {
        claim: "sub".to_owned(),
        attribute: Attribute::UserName,
        longest_life: Lifetime::minutes(10),
        single_use: false,
        audience: Some("claviger".to_owned()),
    };
    policy.issuers.insert(name.clone(), rules);
    policy.workloads = vec![Workload {
        name: ApplicationName::parse("deploy").expect("a name"),
        issuer: name,
        claims: [("repository".to_owned(), "acme/shop".to_owned())].into(),
        user: UserName::parse("alice").expect("a name"),
    }];
}

/// With everything that tells a server where it is, or who sent it here.
fn misleading(mut request: Request, elsewhere: &str) -> Request {
    for name in [
        "X-Forwarded-Host",
        "X-Forwarded-Server",
        "X-Original-Host",
        "X-Host",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Amz-Security-Token",
        "X-Amz-Target",
        "Referer",
        "Origin",
        "User-Agent",
        "X-Amzn-Trace-Id",
        "Traceparent",
        "Via",
    ] {
        request = request.header(name, elsewhere);
    }
    request.header("Forwarded", format!("host={elsewhere}"))
}

fn draw(token: &str, account: &str, role: &str) -> Request {
    let (account, role) = (escape(account), escape(role));
    let target = format!("/federation/credentials?account_id={account}&role_name={role}");
    Request::get(target).header("x-amz-sso_bearer_token", token)
}

#[tokio::test]
async fn ssr_03_nothing_foreign_stands_in_what_is_sent_out() {
    let (sts, issuer) = (Sts::start().await, FakeIssuer::start().await);
    let elsewhere = FakeIssuer::start().await;
    let server = server(&sts, &issuer).await;
    let evil = format!("{}/{FOREIGN}", elsewhere.url);
    // A client that calls itself so, its code, and its sign-in.
    let body = json!({
        "clientName": format!("{FOREIGN} {evil}"), "clientType": "public",
        "scopes": ["sso:account:access", format!("sso:{FOREIGN}:x")],
    });
    let client = claviger_tests::aws::client(&server.aws().register_with(body).await);
    let device = server.sign_in_device("alice", client).await;
    let token = &device.tokens.access;
    // One draws, all others bring foreign accounts and roles.
    let honest = misleading(draw(token, SANDBOX, "Developer"), &evil);
    server.send(honest).await.assert_status(200);
    for (account, role) in [
        (FOREIGN, "Developer"),
        (SANDBOX, FOREIGN),
        (SANDBOX, evil.as_str()),
        (SANDBOX, "Developer&RoleArn=zzforeignzz"),
        (SANDBOX, "../zzforeignzz"),
        ("arn:aws:iam::111122223333:role/zzforeignzz", "Developer"),
    ] {
        let answer = server
            .send(misleading(draw(token, account, role), &evil))
            .await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 403 | 404),
            "{answer}"
        );
    }
    // Assertions that name keys, and whatever else, elsewhere.
    let now = server.context.now().epoch_seconds();
    let claims = |iss: &str| {
        json!({
            "iss": iss, "sub": FOREIGN, "aud": "claviger", "jti": FOREIGN, "iat": now,
            "exp": now + 300, "repository": "acme/shop", "jwks_uri": evil, "picture": evil,
        })
    };
    let plain = issuer::header("first");
    let mut lying = issuer::header(FOREIGN);
    lying.jku = Some(evil.clone());
    lying.x5u = Some(evil.clone());
    for (header, iss, status) in [
        (&plain, issuer.url.as_str(), 200),
        (&lying, issuer.url.as_str(), 400),
        (&plain, evil.as_str(), 400),
        (&plain, elsewhere.url.as_str(), 400),
    ] {
        let assertion = issuer::sign(&issuer.key, header, &claims(iss));
        server.secrets().add(&assertion);
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let members = json!({ "grantType": grant, "assertion": assertion });
        let request = misleading(Request::post("/token").json(&members), &evil);
        server.send(request).await.assert_status(status);
    }
    // All that was sent out, to whom, and where there.
    let told = issuer.heard();
    let lines: Vec<_> = told.iter().filter_map(|told| told.lines().next()).collect();
    let known = |line: &&str| {
        [
            "GET /.well-known/openid-configuration HTTP/1.1",
            "GET /keys HTTP/1.1",
        ]
        .contains(line)
    };
    assert!(!lines.is_empty() && lines.iter().all(known), "{lines:?}");
    let calls = sts.heard();
    assert_eq!(calls.len(), 1, "one draw that may be");
    assert!(calls[0].starts_with("POST / HTTP/1.1\r\n"), "{}", calls[0]);
    for sent in told.iter().chain(&calls) {
        assert!(!sent.contains(FOREIGN), "{sent}");
    }
    assert_eq!(elsewhere.asked(), 0);
    server.finish().await;
}

#[tokio::test]
async fn ssr_04_headers_do_not_choose_whom_the_server_calls() {
    let (sts, issuer) = (Sts::start().await, FakeIssuer::start().await);
    let other = Sts::start().await;
    let server = server(&sts, &issuer).await;
    let device = server.signed_in_device().await;
    let token = &device.tokens.access;
    let given = misleading(draw(token, SANDBOX, "Developer"), &other.address);
    server.send(given).await.assert_status(200);
    let given = draw(token, SANDBOX, "ReadOnly").header("Host", &other.address);
    // Whether a foreign Host is answered at all is not the question here.
    server.send(given).await;
    let calls = sts.heard();
    assert!(!calls.is_empty(), "it was called");
    for call in &calls {
        assert_eq!(header(call, "host"), Some(sts.address.as_str()), "{call}");
        assert!(!call.contains(&other.address), "{call}");
    }
    assert_eq!(other.heard(), Vec::<String>::new());
    server.finish().await;
}

#[tokio::test]
async fn ssr_05_a_stolen_token_gets_nothing_but_the_roles_of_its_person() {
    let (sts, issuer) = (Sts::start().await, FakeIssuer::start().await);
    let server = server(&sts, &issuer).await;
    let device = server.signed_in_device().await;
    let token = device.tokens.access.as_str();
    let (own, own_secret) = OWN_KEY;
    let mut requests: Vec<Request> = Vec::new();
    for account in [SANDBOX, PRODUCTION, "999988887777"] {
        for role in ["Developer", "ReadOnly", "Admin", "GetCallerIdentity", own] {
            requests.push(draw(token, account, role));
        }
    }
    for path in [
        "/assignment/accounts",
        "/assignment/roles?account_id=111122223333",
        "/?Action=GetCallerIdentity&Version=2011-06-15",
        "/?Action=GetSessionToken",
        "/federation/credentials?Action=GetSessionToken",
        "/federation/console?destination=https://example.com",
        "/latest/meta-data/iam/security-credentials/",
        "/start",
    ] {
        requests.push(Request::get(path).header("x-amz-sso_bearer_token", token));
        requests.push(Request::get(path).header("Authorization", format!("Bearer {token}")));
    }
    let mut drawn = 0;
    for request in requests {
        let answer = server.send(request).await;
        assert!(!answer.to_string().contains(own), "{answer}");
        assert!(!answer.to_string().contains(own_secret), "{answer}");
        drawn += usize::from(answer.status == 200 && answer.to_string().contains("ASIAGIVEN"));
    }
    let calls = sts.heard();
    assert_eq!((drawn, calls.len()), (4, 4), "two roles in two accounts");
    for call in calls {
        let body = call.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(form["Action"], "AssumeRole", "{body}");
        let role = form["RoleArn"].rsplit('/').next().unwrap_or_default();
        assert!(matches!(role, "Developer" | "ReadOnly"), "{body}");
        assert!(!call.contains(own_secret), "{call}");
    }
    server.finish().await;
}
