//! People beyond the seed: directories of a test's own, and devices that their people sign in.

use claviger_engine::admin::{directory, user, wanted::Directory};
use claviger_model::secret::Secret;

use crate::{
    aws::Tokens,
    browser::Browser,
    server::{SignedInDevice, TestServer},
};

/// The password of everybody beyond the seed.
pub const PASSWORD: &str = "a password of the test's own";

impl TestServer {
    /// Makes the directory what `wanted` says.
    pub async fn apply(&self, wanted: &Directory) {
        let applied = directory::apply(&self.context, wanted).await;
        applied.expect("the directory is sound");
    }

    /// Gives a person of the directory [`PASSWORD`] and signs them in at a browser.
    pub async fn browser_of_new(&self, name: &str) -> Browser {
        self.secrets().add(PASSWORD);
        let password = Secret::from(PASSWORD);
        let set = user::set_password(&self.context, name, &password, false).await;
        set.expect("the person is known");
        let mut browser = self.browser();
        browser.sign_in(name, PASSWORD).await.assert_status(303);
        browser
    }

    /// The same, and signs a device in.
    pub async fn device_of_new(&self, name: &str) -> SignedInDevice {
        let aws = self.aws();
        let client = aws.register().await;
        let device = aws.start_device(&client).await;
        let mut browser = self.browser_of_new(name).await;
        browser.approve(&device.user_code).await.assert_status(303);
        let tokens = Tokens::of(&aws.poll(&client, &device).await);
        SignedInDevice {
            client,
            device,
            tokens,
        }
    }
}
