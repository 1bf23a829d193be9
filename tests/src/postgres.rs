//! A real PostgreSQL, started once for a test process and gone with it; every store in a schema of its own.

use std::{
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use claviger_store::postgres::{PostgresStore, address::Address};
use tokio::runtime::{Builder, Runtime};

/// Whom the server runs as where the tests run as root: it refuses to be root.
const NOBODY: &str = "postgres";

/// Ends the server when the tests end, however they do: their end of the pipe closes.
const UNTIL_WE_END: &str = r#""$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= \
    -c fsync=off -c full_page_writes=off -c max_connections=600 -c shared_buffers=64MB \
    -c log_min_messages=fatal >"$2/log" 2>&1 &
  server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$2""#;

/// The server of this process.
struct Server {
    programs: PathBuf,
    directory: PathBuf,
    /// Holds our end of the pipe until this process ends.
    _keeper: Child,
}

impl Server {
    fn start() -> Self {
        let (programs, account) = (programs(), account());
        let directory = tempfile::tempdir().expect("a directory").keep();
        if let Some((user, group)) = account {
            chown(&directory, Some(user), Some(group)).expect("a directory of the server's");
        }
        let mut initdb = as_account(Command::new(programs.join("initdb")), account);
        initdb.args([
            "--auth=trust",
            "--username=claviger",
            "--encoding=UTF8",
            "--no-sync",
        ]);
        // Another order of letters than that of their bytes: nothing may depend on the server's.
        initdb.args([
            "--locale=C.UTF-8",
            "--locale-provider=icu",
            "--icu-locale=en",
            "-D",
        ]);
        let made = initdb.arg(directory.join("data")).output();
        must("initdb", &made.expect("initdb runs"));
        let mut keeper = as_account(Command::new("sh"), account);
        keeper.args(["-c", UNTIL_WE_END, "sh"]);
        keeper.arg(&programs).arg(&directory);
        let keeper = keeper.stdin(Stdio::piped()).spawn();
        let server = Self {
            programs,
            directory,
            _keeper: keeper.expect("a server"),
        };
        while !server.psql(&["SELECT 1"]).status.success() {
            std::thread::yield_now();
        }
        server
    }

    /// Runs each of these for itself.
    fn psql(&self, sql: &[&str]) -> Output {
        let mut psql = as_account(Command::new(self.programs.join("psql")), None);
        psql.arg("-h").arg(&self.directory);
        psql.args([
            "-U",
            "claviger",
            "-d",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-Atq",
        ]);
        psql.args(sql.iter().flat_map(|sql| ["-c", sql]));
        psql.output().expect("psql runs")
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// A place for one store, new and empty.
pub struct Place {
    schema: String,
}

impl Default for Place {
    fn default() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("store_{number}");
        must(
            "psql",
            &server().psql(&[&format!("CREATE SCHEMA {schema}")]),
        );
        Self { schema }
    }
}

impl Place {
    /// Its address, as an operator would write it.
    pub fn address(&self) -> String {
        let directory = server().directory.display().to_string().replace('/', "%2F");
        let schema = &self.schema;
        format!(
            "postgres://claviger@{directory}/postgres?options=-c%20search_path%3D{schema}\
             &application_name={schema}"
        )
    }

    /// Runs SQL past the store; what it answers, a row a line.
    pub fn sql(&self, sql: &str) -> String {
        let path = format!("SET search_path = {}", self.schema);
        let output = server().psql(&[&path, sql]);
        must(sql, &output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// How many bytes its tables take, without the room that they have taken ahead.
    pub fn size(&self) -> i64 {
        let tables = self.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()");
        for table in tables.lines() {
            self.sql(&format!("VACUUM FULL {table}"));
        }
        let size = self.sql(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND c.relkind = 'r'",
        );
        size.parse().expect("a number")
    }

    /// All that is in it, as SQL.
    pub fn dump(&self) -> Vec<u8> {
        let program = server().programs.join("pg_dump");
        let mut dump = as_account(Command::new(program), None);
        dump.arg("-h").arg(&server().directory);
        dump.args(["-U", "claviger", "-d", "postgres", "-n", &self.schema]);
        let dump = dump.output().expect("pg_dump runs");
        must("pg_dump", &dump);
        dump.stdout
    }

    /// Ends every connection of the store; answers how many there were.
    pub fn cut(&self) -> u32 {
        let schema = &self.schema;
        let ended = self.sql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE application_name = '{schema}'"
        ));
        ended.parse().expect("a number")
    }

    /// A new store there. Its connections outlive the runtime of any one test.
    pub async fn create(&self) -> PostgresStore {
        let address = Address::parse(&self.address()).expect("an address");
        let made = runtime().spawn(async move { PostgresStore::create(address, "suite").await });
        made.await.expect("no panic").expect("a new store")
    }
}

/// Where stores live.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build();
        runtime.expect("a runtime")
    })
}

/// Debian keeps them out of the way of other versions.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let versions = versions.expect("Debian's PostgreSQL: run `cargo xtask setup`");
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .expect("Debian's PostgreSQL: run `cargo xtask setup`")
}

/// User and group of the account that the server runs as; nothing where we are not root.
fn account() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| {
        let output = Command::new("id")
            .args(arguments)
            .output()
            .expect("id runs");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse::<u32>().expect("a number")
    };
    (number(&["-u"]) == 0).then(|| (number(&["-u", NOBODY]), number(&["-g", NOBODY])))
}

fn as_account(mut command: Command, account: Option<(u32, u32)>) -> Command {
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command.current_dir(Path::new("/"));
    command
}

#[track_caller]
fn must(what: &str, output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {told}");
}
