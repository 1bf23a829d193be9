//! `claviger init`: makes key file and store. The only command that may create keys.

use std::path::PathBuf;

use clap::Args;
use claviger_engine::keys::{file::KeyFile, ring};
use claviger_model::hex::Hex;
use claviger_store::postgres::OpenError;

use crate::{
    adapter::key_file,
    config::settings::{self, Flags, Paths},
    exit::{CONFIGURATION, Exit, ExitCode as _},
    output,
    store::{Store, private_directory},
    wiring::Ports,
};

#[derive(Args)]
#[command(after_help = "Example:
  claviger init --data-dir /var/lib/claviger --key-file /etc/claviger/claviger.keys")]
pub(crate) struct Init {
    /// The configuration file, if data_dir and key_file stand there
    #[arg(long, env = "CLAVIGER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the store is to lie
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the key file is to lie; keep it apart from backups of the store
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The PostgreSQL that is to hold the store: postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(
        long,
        env = "CLAVIGER_STORE",
        value_name = "URL",
        hide_env_values = true
    )]
    store: Option<String>,
}

pub(crate) async fn run(init: Init) -> Result<(), Exit> {
    let flags = same_flags(&init);
    let (paths, _) = settings::locate(&Flags {
        config: init.config,
        data_dir: init.data_dir,
        key_file: init.key_file,
        store: init.store,
        ..Flags::default()
    })?;
    create(&paths, false, &Ports::of_system()).await?;
    let store = paths
        .store
        .as_ref()
        .map_or_else(|| paths.data_dir.display().to_string(), ToString::to_string);
    // The address holds a password, which is not for the screen.
    let also = match &paths.store {
        None => "",
        Some(_) => {
            "\n\nEach of them must be told the database: by CLAVIGER_STORE, or by store_file in \
             the configuration. Further nodes need a copy of the key file and no `init`."
        }
    };
    let text = format!(
        "store     {store}\nkey file  {}  (keep a copy apart from the store; nothing can replace it)\n\n\
         Next:\n\
         \x20 claviger admin apply directory.toml{flags}    # who there is, and who may do what\n\
         \x20 claviger admin user set-password NAME{flags}  # for each person\n\
         \x20 claviger serve{flags}                         # then open http://127.0.0.1:8400/start{also}",
        paths.key_file.display()
    );
    output::line(&text);
    Ok(())
}

/// The flags that the next commands need to find the same instance.
fn same_flags(init: &Init) -> String {
    let flags = [
        ("--config", &init.config),
        ("--data-dir", &init.data_dir),
        ("--key-file", &init.key_file),
    ];
    let given = flags
        .iter()
        .filter_map(|(flag, path)| path.as_ref().map(|path| (flag, path)));
    given.fold(String::new(), |text, (flag, path)| {
        format!("{text} {flag} {}", path.display())
    })
}

/// Makes key file and store, or neither; never over existing ones.
pub(crate) async fn create(paths: &Paths, dev: bool, ports: &Ports) -> Result<KeyFile, Exit> {
    let entropy = ports.entropy.as_ref();
    if paths.key_file.exists() {
        let path = paths.key_file.display();
        let error = anyhow::anyhow!(
            "there is a key file at {path} already. To go on with it, run `claviger serve`; for a \
             second instance, name another --key-file and --data-dir"
        );
        return Err(Exit {
            code: CONFIGURATION,
            error,
        });
    }
    let keys = key_file::generate(entropy, dev);
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let store_id = Hex(&id).to_string();
    let first = ring::first(&keys, entropy, ports.clock.now());
    if paths.store.is_some() {
        // A database is not taken back as files are: the key file comes first, and goes if there is no store.
        private_directory(&paths.data_dir).exit(CONFIGURATION)?;
        key_file::write(&paths.key_file, &keys).exit(CONFIGURATION)?;
        return match Store::create(paths, store_id, first).await {
            Ok(_) => Ok(keys),
            Err(exit) => Err(without_store(paths, exit)),
        };
    }
    let store = Store::create(paths, store_id, first).await?;
    // Last, since it is what makes the rest usable: a store without its key file is started over.
    if let Err(error) = key_file::write(&paths.key_file, &keys) {
        drop(store);
        for name in ["claviger.db", "claviger.witness"] {
            let _ = std::fs::remove_file(paths.data_dir.join(name));
        }
        return Err(Exit {
            code: CONFIGURATION,
            error,
        });
    }
    Ok(keys)
}

/// Takes the key file back, unless there may be a store that no other file opens.
fn without_store(paths: &Paths, exit: Exit) -> Exit {
    let Exit { code, error } = exit;
    if !matches!(error.downcast_ref(), Some(OpenError::Unconfirmed(_))) {
        let _ = std::fs::remove_file(&paths.key_file);
        return Exit { code, error };
    }
    let error = error.context(format!(
        "the store may have been made, so its key file stays at {}. Run `claviger serve` when the \
         database is well; if it finds no store, remove the key file and run `claviger init` again",
        paths.key_file.display()
    ));
    Exit { code, error }
}
