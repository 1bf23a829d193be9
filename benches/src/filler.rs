//! Sessions that nobody uses: copies of those that there are, so that a store is as large as it gets in years.

use std::path::Path;

use anyhow::Context as _;
use tokio_postgres::NoTls;

/// Columns of sessions, in the words of either store.
const COLUMNS_OF_SQLITE: &str =
    "SELECT name FROM pragma_table_info('sessions') WHERE name <> 'sid'";
const COLUMNS_OF_POSTGRES: &str = "SELECT column_name FROM information_schema.columns \
     WHERE table_schema = current_schema() AND table_name = 'sessions' AND column_name <> 'sid'";

/// Until there are so many sessions in the file.
pub(crate) fn fill_sqlite(store: &Path, sessions: usize) -> anyhow::Result<()> {
    let connection = rusqlite::Connection::open(store)?;
    let mut columns = connection.prepare(COLUMNS_OF_SQLITE)?;
    let columns = columns.query_map((), |row| row.get::<_, String>(0))?;
    let columns = columns.collect::<Result<Vec<_>, _>>()?.join(", ");
    let there: i64 = connection.query_row("SELECT count(*) FROM sessions", (), |row| row.get(0))?;
    let mut missing = sessions.saturating_sub(there.try_into()?);
    while missing > 0 {
        let sql = format!(
            "INSERT INTO sessions (sid, {columns}) SELECT randomblob(16), {columns} FROM sessions LIMIT {missing}"
        );
        let added = connection.execute(&sql, ())?;
        missing = missing
            .checked_sub(added)
            .filter(|_| added > 0)
            .context("no session to copy")?;
    }
    Ok(())
}

/// The same in the database at an address.
pub(crate) async fn fill_postgres(address: &str, sessions: usize) -> anyhow::Result<()> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    let connection = tokio::spawn(connection);
    let columns = client.query(COLUMNS_OF_POSTGRES, &[]).await?;
    let columns: Vec<&str> = columns.iter().map(|row| row.get(0)).collect();
    let columns = columns.join(", ");
    let there = client
        .query_one("SELECT count(*) FROM sessions", &[])
        .await?;
    let there: i64 = there.get(0);
    let mut missing = u64::try_from(sessions)?.saturating_sub(there.try_into()?);
    while missing > 0 {
        let sql = format!(
            "INSERT INTO sessions (sid, {columns}) \
             SELECT decode(md5(random()::text || sid::text), 'hex'), {columns} FROM sessions LIMIT {missing}"
        );
        let added = client.execute(&sql, &[]).await?;
        missing = missing
            .checked_sub(added)
            .filter(|_| added > 0)
            .context("no session to copy")?;
    }
    client.batch_execute("VACUUM ANALYZE sessions").await?;
    drop(client);
    connection.await??;
    Ok(())
}
