//! A real PostgreSQL, started once for a test process and gone with it; every store in a schema of its own.

use std::{
    io::Write as _,
    net::SocketAddr,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::channel,
    },
};

use crate::{background::runtime, child, rows::Rows};
use claviger_store::{
    postgres::{Lineage, OpenError, PostgresStore, address::Address},
    statement::Plan,
};

/// Whom the server runs as where the tests run as root: it refuses to be root.
const NOBODY: &str = "postgres";

/// Ends the server when the tests end, however they do: their end of the pipe closes.
const UNTIL_WE_END: &str = r#"programs=$1; directory=$2; shift 2
  "$programs/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= \
    -c fsync=off -c full_page_writes=off -c max_connections=600 -c shared_buffers=64MB \
    -c log_min_messages=fatal "$@" >>"$directory/log" 2>&1 &
  server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$directory""#;

/// A server in a directory of its own.
struct Server {
    programs: PathBuf,
    directory: PathBuf,
    account: Option<(u32, u32)>,
    /// Holds our end of the pipe until the server is to end.
    keeper: Child,
}

impl Server {
    /// A new one.
    fn start() -> Self {
        Self::start_with(|server| {
            let mut initdb = server.program("initdb");
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
            initdb.arg(server.data());
            must("initdb", &initdb.output().expect("initdb runs"));
        })
    }

    /// One whose data directory `fill` makes.
    fn start_with(fill: impl FnOnce(&Empty)) -> Self {
        let (programs, account) = (programs(), account());
        let directory = tempfile::tempdir().expect("a directory").keep();
        if let Some((user, group)) = account {
            chown(&directory, Some(user), Some(group)).expect("a directory of the server's");
        }
        let empty = Empty {
            programs,
            directory,
            account,
        };
        fill(&empty);
        let keeper = empty.keep(&[]);
        let Empty {
            programs,
            directory,
            account,
        } = empty;
        let server = Self {
            programs,
            directory,
            account,
            keeper,
        };
        server.wait();
        server
    }

    /// Waits until it answers.
    fn wait(&self) {
        while !self.psql(&["SELECT 1"]).status.success() {
            std::thread::yield_now();
        }
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

    /// Its directory as a host in an address.
    fn host(&self) -> String {
        self.directory.display().to_string().replace('/', "%2F")
    }

    fn process(&self) -> u32 {
        let pid = std::fs::read_to_string(self.directory.join("data/postmaster.pid"));
        let pid = pid.expect("a running server");
        pid.lines()
            .next()
            .unwrap_or_default()
            .parse()
            .expect("a number")
    }

    /// Sends a signal to it and to all its children.
    fn signal_all(&self, name: &str) {
        let parent = self.process();
        child::signal(parent, name);
        let mut children = Command::new("pkill");
        children.args([&format!("-{name}"), "-P", &parent.to_string()]);
        must("pkill", &children.output().expect("pkill runs"));
    }

    /// Ends it as a loss of its machine would, as far as anybody who speaks with it can see.
    fn kill(&self) {
        child::signal(self.process(), "KILL");
        while self.psql(&["SELECT 1"]).status.success() {
            std::thread::yield_now();
        }
    }
}

/// Where a server is to be.
struct Empty {
    programs: PathBuf,
    directory: PathBuf,
    account: Option<(u32, u32)>,
}

impl Empty {
    fn program(&self, name: &str) -> Command {
        as_account(Command::new(self.programs.join(name)), self.account)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Starts the server, for as long as the child's input is held.
    fn keep(&self, settings: &[&str]) -> Child {
        let mut keeper = as_account(Command::new("sh"), self.account);
        keeper.args(["-c", UNTIL_WE_END, "sh"]);
        keeper.arg(&self.programs).arg(&self.directory);
        keeper
            .args(settings)
            .stdin(Stdio::piped())
            .stderr(Stdio::null());
        keeper.spawn().expect("a server")
    }
}

/// A primary and the standby that confirms its commits.
pub struct Pair {
    primary: Server,
    standby: Server,
}

impl Default for Pair {
    fn default() -> Self {
        let primary = Server::start();
        let standby = Server::start_with(|empty| {
            let mut copy = empty.program("pg_basebackup");
            copy.args([
                "-U", "claviger", "-R", "-C", "-S", "standby", "-X", "stream",
            ]);
            copy.args(["--checkpoint=fast", "--no-sync", "-h"])
                .arg(&primary.directory);
            let copied = copy.arg("-D").arg(empty.data()).output();
            must("pg_basebackup", &copied.expect("pg_basebackup runs"));
        });
        let wait_for_it = "ALTER SYSTEM SET synchronous_standby_names = '*'";
        must(
            "psql",
            &primary.psql(&[wait_for_it, "SELECT pg_reload_conf()"]),
        );
        let pair = Self { primary, standby };
        while pair.sync_standbys() != "1" {
            std::thread::yield_now();
        }
        pair
    }
}

impl Pair {
    fn sync_standbys(&self) -> String {
        let sql = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        let output = self.primary.psql(&[sql]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// An address that names both, the primary first.
    pub fn address(&self) -> String {
        let (first, second) = (self.primary.host(), self.standby.host());
        format!("postgres://claviger@{first},{second}/postgres")
    }

    /// The host of the server that is the primary at first, as in an address.
    pub fn host(&self) -> String {
        self.primary.host()
    }

    /// The host of the other one.
    pub fn standby_host(&self) -> String {
        self.standby.host()
    }

    /// Makes a store in it.
    pub async fn create(&self) -> PostgresStore {
        create_at(&self.address()).await
    }

    /// The rows of the store that is there, at whichever is the primary.
    pub fn rows(&self) -> Rows {
        rows_at(&self.address())
    }

    /// Kills the primary.
    pub fn kill_primary(&self) {
        self.primary.kill();
    }

    /// Makes the standby the primary.
    pub fn promote(&self) {
        let standby = &self.standby;
        let mut promote = as_account(
            Command::new(standby.programs.join("pg_ctl")),
            standby.account,
        );
        promote
            .args(["promote", "-w", "-D"])
            .arg(standby.directory.join("data"));
        must("pg_ctl", &promote.output().expect("pg_ctl runs"));
    }

    /// Starts the primary that was killed again, as if nothing had happened: it is a primary, and waits for
    /// nobody.
    pub fn raise_the_dead(&mut self) {
        let old = &self.primary;
        let empty = Empty {
            programs: old.programs.clone(),
            directory: old.directory.clone(),
            account: old.account,
        };
        // Its process is nobody's yet, and looks alive to the next one.
        for lock in ["data/postmaster.pid", ".s.PGSQL.5432.lock"] {
            let _ = std::fs::remove_file(old.directory.join(lock));
        }
        // Whoever kept the first one still waits for our word; that it gets when both end.
        let keeper = empty.keep(&["-c", "synchronous_standby_names="]);
        let first = std::mem::replace(&mut self.primary.keeper, keeper);
        self.primary.wait();
        std::mem::forget(first);
    }

    /// The primary stands still, and all that serve its connections with it.
    pub fn freeze_primary(&self) {
        self.primary.signal_all("STOP");
    }

    /// It goes on.
    pub fn thaw_primary(&self) {
        self.primary.signal_all("CONT");
    }

    /// Kills the standby, or the primary that it has become.
    pub fn kill_standby(&self) {
        self.standby.kill();
    }

    /// The standby hears nothing more of the primary.
    pub fn lag(&self) {
        let deaf = "ALTER SYSTEM SET primary_conninfo = ''";
        must(
            "psql",
            &self.standby.psql(&[deaf, "SELECT pg_reload_conf()"]),
        );
        let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
        while self.sql_at_second(receivers) != "0" {
            std::thread::yield_now();
        }
    }

    /// The primary waits for nobody any more, as its operator would have it when the standby is lost.
    pub fn wait_for_nobody(&self) {
        let nobody = "ALTER SYSTEM SET synchronous_standby_names = ''";
        must(
            "psql",
            &self.primary.psql(&[nobody, "SELECT pg_reload_conf()"]),
        );
    }

    /// What SQL answers at the primary that was first.
    pub fn sql_at_first(&self, sql: &str) -> String {
        let output = self.primary.psql(&[sql]);
        must(sql, &output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What SQL answers at the one that was promoted.
    pub fn sql_at_second(&self, sql: &str) -> String {
        let output = self.standby.psql(&[sql]);
        must(sql, &output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// What a place is called in a frozen store.
const FROZEN: &str = "frozen_store";

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
        let directory = server().host();
        let schema = &self.schema;
        format!(
            "postgres://claviger@{directory}/postgres?options=-c%20search_path%3D{schema}\
             &application_name={schema}"
        )
    }

    /// Its server's host, as in an address.
    pub fn host(&self) -> String {
        server().host()
    }

    /// The same place, for another thread.
    #[must_use]
    pub fn another_hand(&self) -> Self {
        let schema = self.schema.clone();
        Self { schema }
    }

    /// Its schema.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Its address by a way that begins at `proxy` and ends at [`Place::socket`].
    pub fn address_by(&self, proxy: SocketAddr) -> String {
        let schema = &self.schema;
        format!(
            "postgres://claviger@{proxy}/postgres?sslmode=disable\
             &options=-c%20search_path%3D{schema}&application_name={schema}"
        )
    }

    /// Where its server listens.
    pub fn socket(&self) -> PathBuf {
        server().directory.join(".s.PGSQL.5432")
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

    /// The rows of the store that is there.
    pub fn rows(&self) -> Rows {
        rows_at(&self.address())
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

    /// Puts back what [`Place::dump`] gave, as an operator would with psql.
    pub fn restore(&self, dump: &[u8]) {
        let schema = &self.schema;
        // Nobody may be in the way, and whoever comes back meets all of it or nothing.
        self.sql(&format!("DROP SCHEMA {schema} CASCADE"));
        let program = server().programs.join("psql");
        let mut psql = as_account(Command::new(program), None);
        psql.arg("-h").arg(&server().directory);
        psql.args(["-U", "claviger", "-d", "postgres", "-1", "-q"]);
        psql.args(["-v", "ON_ERROR_STOP=1"]);
        psql.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut psql = psql.spawn().expect("psql runs");
        let mut input = psql.stdin.take().expect("its input");
        input.write_all(dump).expect("psql reads");
        drop(input);
        assert!(psql.wait().is_ok_and(|ended| ended.success()), "psql");
    }

    /// What [`Place::dump`] gave as text that fits every place.
    pub fn freeze(&self) -> String {
        let dump = String::from_utf8(self.dump()).expect("SQL");
        // What a newer pg_dump says to a newer psql.
        let lines = dump.lines().filter(|line| !line.contains("restrict "));
        let lines: Vec<&str> = lines.collect();
        lines.join("\n").replace(&self.schema, FROZEN) + "\n"
    }

    /// Puts back what [`Place::freeze`] gave, in whatever place.
    pub fn thaw(&self, frozen: &str) {
        self.restore(frozen.replace(FROZEN, &self.schema).as_bytes());
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
        create_at(&self.address()).await
    }
}

fn rows_at(address: &str) -> Rows {
    let address = Address::parse(address).expect("an address");
    let (sender, receiver) = channel();
    runtime().spawn(async move { sender.send(PostgresStore::open(address).await) });
    let store = receiver.recv().expect("no panic").expect("a store");
    Rows::of(Arc::new(store))
}

async fn create_at(address: &str) -> PostgresStore {
    let address = Address::parse(address).expect("an address");
    let made = runtime()
        .spawn(async move { PostgresStore::create(address, "suite", &Plan::default()).await });
    made.await.expect("no panic").expect("a new store")
}

/// Opens the store at an address as `claviger serve` does, on the kit's own runtime.
pub async fn open(address: &str) -> Result<PostgresStore, OpenError> {
    open_after(address, Lineage::default()).await
}

/// The same, by who remembers a server.
pub async fn open_after(address: &str, known: Lineage) -> Result<PostgresStore, OpenError> {
    let address = Address::parse(address).expect("an address");
    let opening = runtime().spawn(async move { PostgresStore::open_after(address, known).await });
    opening.await.expect("no panic")
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
