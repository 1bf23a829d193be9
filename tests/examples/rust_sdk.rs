//! A program on AWS's Rust SDK that knows nothing of Claviger: who am I, and which buckets are
//! there? `tests/e2e/rust_sdk.rs` runs it.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that prints or fails"
)]

use aws_config::{BehaviorVersion, Region};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .load()
        .await;
    let sts = aws_sdk_sts::Client::new(&config);
    let identity = sts.get_caller_identity().send().await;
    let identity = identity.expect("the caller's identity");
    println!("arn {}", identity.arn().expect("an ARN"));

    let Some(endpoint) = std::env::args().nth(1) else {
        return;
    };
    let s3 = aws_sdk_s3::config::Builder::from(&config)
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    let created = s3.create_bucket().bucket("of-rust").send().await;
    created.expect("a bucket");
    let listed = s3.list_buckets().send().await.expect("the buckets");
    for bucket in listed.buckets() {
        println!("bucket {}", bucket.name().expect("its name"));
    }
}
