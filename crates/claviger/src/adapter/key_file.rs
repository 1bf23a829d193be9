//! The key file: read, checked, and written once, never over another one.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_engine::keys::file::{ClientRoot, KeyFile};
use claviger_model::{hex::Hex, id::InstanceId, port::entropy::Entropy, secret::SecretBytes};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The file as it is spelled.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelled {
    version: u32,
    instance: String,
    #[serde(default)]
    dev: bool,
    key_encryption_key: Key,
    client_root: Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_client_root: Option<Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    secret: Zeroizing<String>,
}

const HEADER: &str = "# Claviger key file. Whoever holds it together with the store can make \
                      tokens.\n# Keep it apart from backups of the store, and never lose it: \
                      nothing can replace it.\n\n";

/// Reads a key file.
pub(crate) fn read(path: &Path) -> anyhow::Result<KeyFile> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "there is no key file at {}; restore it, or run `claviger init` for a new instance",
            path.display()
        ),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("the key file {} cannot be read", path.display()));
        }
    };
    let damaged = || format!("the key file {} is damaged; restore it", path.display());
    let spelled: Spelled = toml::from_str(&text)
        // The parser's message quotes the line, and the line is a secret.
        .map_err(|_| anyhow::anyhow!("it is not a key file of Claviger"))
        .with_context(damaged)?;
    understand(&spelled).with_context(damaged)
}

fn understand(spelled: &Spelled) -> anyhow::Result<KeyFile> {
    if spelled.version != 1 {
        bail!("its version is {}, this release knows 1", spelled.version);
    }
    Ok(KeyFile {
        instance: InstanceId::parse(&spelled.instance)?,
        dev: spelled.dev,
        kek_id: spelled.key_encryption_key.id.clone(),
        kek: secret(&spelled.key_encryption_key)?,
        client_root: root(&spelled.client_root)?,
        previous_client_root: spelled
            .previous_client_root
            .as_ref()
            .map(root)
            .transpose()?,
    })
}

fn root(key: &Key) -> anyhow::Result<ClientRoot> {
    let epoch = key
        .id
        .parse()
        .context("the id of a client root must be a number up to 255")?;
    Ok(ClientRoot {
        epoch,
        root: secret(key)?,
    })
}

fn secret(key: &Key) -> anyhow::Result<SecretBytes> {
    let bytes = STANDARD.decode(key.secret.as_bytes()).map(Zeroizing::new);
    let bytes = bytes
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes
        .map(SecretBytes::new)
        .context("a secret must be 32 bytes in base64")
}

/// Draws the keys of a new instance.
pub(crate) fn generate(entropy: &dyn Entropy, dev: bool) -> KeyFile {
    let secret = || {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        SecretBytes::new(bytes)
    };
    let mut instance = [0; 16];
    entropy.fill(&mut instance);
    let mut id = [0; 6];
    entropy.fill(&mut id);
    KeyFile {
        instance: InstanceId::from_bytes(instance),
        dev,
        kek_id: format!("kek-{}", Hex(&id)),
        kek: secret(),
        client_root: ClientRoot {
            epoch: 1,
            root: secret(),
        },
        previous_client_root: None,
    }
}

/// Writes a new key file, readable by its owner alone, and waits for the disk.
pub(crate) fn write(path: &Path, keys: &KeyFile) -> anyhow::Result<()> {
    let text = Zeroizing::new(format!("{HEADER}{}", toml::to_string(&spell(keys))?));
    let written = || -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o400);
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    written()
        .inspect_err(|error| {
            // Half a key file is worse than none; another's is not ours to remove.
            if error.kind() != io::ErrorKind::AlreadyExists {
                let _ = fs::remove_file(path);
            }
        })
        .with_context(|| format!("the key file {} cannot be written", path.display()))
}

fn spell(keys: &KeyFile) -> Spelled {
    let key = |id: String, secret: &SecretBytes| Key {
        id,
        secret: STANDARD.encode(secret.reveal()).into(),
    };
    let root = |root: &ClientRoot| key(root.epoch.to_string(), &root.root);
    Spelled {
        version: 1,
        instance: keys.instance.to_string(),
        dev: keys.dev,
        key_encryption_key: key(keys.kek_id.clone(), &keys.kek),
        client_root: root(&keys.client_root),
        previous_client_root: keys.previous_client_root.as_ref().map(root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::entropy::SystemEntropy;

    #[test]
    fn a_key_file_reads_back_and_is_never_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys");
        let keys = generate(&SystemEntropy, false);
        write(&path, &keys).expect("written");
        let back = read(&path).expect("read");
        assert_eq!(back.instance, keys.instance);
        assert_eq!(back.kek.reveal(), keys.kek.reveal());
        assert_eq!(
            back.client_root.root.reveal(),
            keys.client_root.root.reveal()
        );
        assert!(write(&path, &generate(&SystemEntropy, false)).is_err());
        assert_eq!(read(&path).expect("read").kek.reveal(), keys.kek.reveal());
    }

    #[test]
    fn a_damaged_key_file_is_named_and_its_content_is_not_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys");
        fs::write(&path, "secret = hunter2 and more").expect("written");
        let shown = format!("{:#}", read(&path).expect_err("damaged"));
        assert!(
            shown.contains("keys") && !shown.contains("hunter2"),
            "{shown}"
        );
        let missing = format!(
            "{:#}",
            read(&directory.path().join("none")).expect_err("none")
        );
        assert!(missing.contains("claviger init"), "{missing}");
    }
}
