//! tokio-postgres: typed statements, portals, COPY both ways, transactions, cancelling, pipelining.
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures_util::{future, pin_mut, stream, SinkExt, StreamExt, TryStreamExt};
use std::error::Error;
use std::time::Duration;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Kind, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, IsolationLevel, NoTls, SimpleQueryMessage};
use uuid::Uuid;

type Outcome = Result<(), Box<dyn Error>>;

fn address() -> String {
    let place = std::env::var("MILLRACE_PG").unwrap();
    let (host, port) = place.rsplit_once(':').unwrap();
    format!("host={host} port={port} user={} dbname=postgres", std::env::var("PGUSER").unwrap())
}

async fn connect() -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&address(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().and_hms_milli_opt(12, 30, 15, 678).unwrap()
}

fn code<T>(result: Result<T, tokio_postgres::Error>) -> String {
    match result {
        Ok(_) => "it passes".into(),
        Err(error) => error.code().map_or(error.to_string(), |code| code.code().to_string()),
    }
}

async fn values_come_back() -> Outcome {
    let c = connect().await?;
    c.batch_execute(
        "CREATE TABLE tp_values (id INT PRIMARY KEY, l BIGINT, d DOUBLE PRECISION, b BOOLEAN, s TEXT, x BYTEA, day DATE, at TIMESTAMP,
         zoned TIMESTAMPTZ, u UUID, j JSONB, i INT[], t TEXT[])",
    )
    .await?;
    let bytes: Vec<u8> = (0..=255).collect();
    let zoned = noon().and_utc();
    let id = Uuid::from_u128(7);
    let json = serde_json::json!({"a": [1, null]});
    let (i, t) = (vec![Some(1), None, Some(3)], vec!["a,b", "", "\"q\\\""]);
    let (day, at) = (noon().date(), noon());
    let values: [&(dyn ToSql + Sync); 13] = [&1i32, &(1i64 << 40), &0.1f64, &true, &"it's", &bytes, &day, &at, &zoned, &id, &json, &i, &t];
    let count = c.execute("INSERT INTO tp_values VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", &values).await?;
    assert_eq!(count, 1);
    let row = c.query_one("SELECT * FROM tp_values WHERE id = ANY($1) AND x = $2", &[&vec![1, 2], &bytes]).await?;
    assert_eq!((row.get::<_, i64>("l"), row.get::<_, f64>("d")), (1 << 40, 0.1));
    assert_eq!((row.get::<_, bool>("b"), row.get::<_, &str>("s"), row.get::<_, Vec<u8>>("x")), (true, "it's", bytes));
    assert_eq!((row.get::<_, NaiveDate>("day"), row.get::<_, NaiveDateTime>("at"), row.get::<_, DateTime<Utc>>("zoned")), (noon().date(), noon(), zoned));
    assert_eq!((row.get::<_, Uuid>("u"), row.get::<_, serde_json::Value>("j")), (id, json));
    assert_eq!((row.get::<_, Vec<Option<i32>>>("i"), row.get::<_, Vec<String>>("t")), (i, t.iter().map(|s| s.to_string()).collect()));
    assert_eq!(row.columns()[1].type_(), &Type::INT8);
    Ok(())
}

async fn small_numbers_come_back() -> Outcome {
    let c = connect().await?;
    c.batch_execute("CREATE TABLE tp_small (id INT PRIMARY KEY, h SMALLINT, f REAL)").await?;
    c.execute("INSERT INTO tp_small VALUES ($1, $2, $3)", &[&1i32, &-3i16, &1.5f32]).await?;
    let row = c.query_one("SELECT h, f FROM tp_small", &[]).await?;
    assert_eq!((row.get::<_, i16>("h"), row.get::<_, f32>("f")), (-3, 1.5));
    Ok(())
}

async fn statements_are_described() -> Outcome {
    let c = connect().await?;
    let statement = c.prepare("SELECT s, id + $1 AS more, d FROM tp_values WHERE l > $2 AND s LIKE $3").await?;
    assert_eq!(statement.params(), &[Type::INT4, Type::INT8, Type::TEXT]);
    let columns: Vec<_> = statement.columns().iter().map(|each| (each.name().to_string(), each.type_().clone())).collect();
    assert_eq!(columns, [("s".to_string(), Type::TEXT), ("more".into(), Type::INT4), ("d".into(), Type::FLOAT8)]);
    for extra in 0..10 {
        let row = c.query_one(&statement, &[&extra, &5i64, &"it%"]).await?;
        assert_eq!(row.get::<_, i32>(1), 1 + extra);
    }
    let typed = c.prepare_typed("SELECT $1 || 'b', $2 + 1", &[Type::TEXT, Type::INT8]).await?;
    assert_eq!(c.query_one(&typed, &[&"a", &1i64]).await?.get::<_, i64>(1), 2);
    let rows = c.query_typed("SELECT id FROM tp_values WHERE id = $1", &[(&1i32, Type::INT4)]).await?;
    assert_eq!(rows.len(), 1);
    Ok(())
}

async fn rows_are_streamed() -> Outcome {
    let c = connect().await?;
    let parameters: [&(dyn ToSql + Sync); 1] = [&1000];
    let rows = c.query_raw("SELECT g FROM generate_series(1, $1::int) AS g", parameters).await?;
    pin_mut!(rows);
    let mut sum = 0i64;
    while let Some(row) = rows.try_next().await? {
        sum += i64::from(row.get::<_, i32>(0));
    }
    assert_eq!(sum, 500_500);
    assert_eq!(rows.rows_affected(), Some(1000));
    Ok(())
}

async fn portals_give_parts() -> Outcome {
    let mut c = connect().await?;
    let transaction = c.transaction().await?;
    let portal = transaction.bind("SELECT g FROM generate_series(1, $1::int) AS g", &[&25]).await?;
    let mut sizes = vec![];
    for _ in 0..4 {
        sizes.push(transaction.query_portal(&portal, 10).await?.len());
    }
    assert_eq!(sizes, [10, 10, 5, 0]);
    transaction.commit().await?;
    Ok(())
}

async fn transactions_nest() -> Outcome {
    let mut c = connect().await?;
    c.batch_execute("CREATE TABLE tp_moves (id INT PRIMARY KEY)").await?;
    let mut outer = c.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
    outer.execute("INSERT INTO tp_moves VALUES ($1)", &[&1]).await?;
    let inner = outer.savepoint("deeper").await?;
    inner.execute("INSERT INTO tp_moves VALUES ($1)", &[&2]).await?;
    assert_eq!(code(inner.execute("SELECT 1 / $1::int", &[&0]).await), "22012");
    inner.rollback().await?;
    let kept = outer.transaction().await?;
    kept.execute("INSERT INTO tp_moves VALUES ($1)", &[&3]).await?;
    kept.commit().await?;
    outer.commit().await?;
    let dropped = c.transaction().await?;
    dropped.execute("DELETE FROM tp_moves", &[]).await?;
    drop(dropped);
    let ids: Vec<i32> = c.query("SELECT id FROM tp_moves ORDER BY id", &[]).await?.iter().map(|row| row.get(0)).collect();
    assert_eq!(ids, [1, 3]);
    let read_only = c.build_transaction().read_only(true).start().await?;
    assert_eq!(code(read_only.execute("DELETE FROM tp_moves", &[]).await), "25006");
    Ok(())
}

const COPIED: &[Type] = &[Type::INT4, Type::TEXT, Type::TIMESTAMP, Type::TIMESTAMPTZ, Type::FLOAT8, Type::BYTEA, Type::UUID];

async fn copy_in_binary() -> Outcome {
    let c = connect().await?;
    c.batch_execute("CREATE TABLE tp_copied (id INT, s TEXT, at TIMESTAMP, zoned TIMESTAMPTZ, d DOUBLE PRECISION, x BYTEA, u UUID)").await?;
    let sink = c.copy_in("COPY tp_copied FROM STDIN (FORMAT binary)").await?;
    let writer = BinaryCopyInWriter::new(sink, COPIED);
    pin_mut!(writer);
    for i in 0..500i32 {
        let text = (i % 5 != 0).then(|| format!("s{i}"));
        writer.as_mut().write(&[&i, &text, &noon(), &noon().and_utc(), &0.5f64, &vec![0u8, 255], &Uuid::from_u128(i as u128)]).await?;
    }
    assert_eq!(writer.finish().await?, 500);
    let rows = BinaryCopyOutStream::new(c.copy_out("COPY (SELECT * FROM tp_copied ORDER BY id) TO STDOUT (FORMAT binary)").await?, COPIED);
    let rows: Vec<_> = rows.try_collect().await?;
    assert_eq!(rows.len(), 500);
    assert_eq!(rows[7].get::<Option<&str>>(1), Some("s7"));
    assert_eq!(rows[10].get::<Option<&str>>(1), None);
    assert_eq!((rows[7].get::<NaiveDateTime>(2), rows[7].get::<&[u8]>(5), rows[7].get::<Uuid>(6)), (noon(), &[0u8, 255][..], Uuid::from_u128(7)));
    Ok(())
}

async fn copy_as_text() -> Outcome {
    let c = connect().await?;
    let sink = c.copy_in("COPY tp_copied (id, s) FROM STDIN").await?;
    pin_mut!(sink);
    let mut parts = stream::iter(["1000\tx\n10", "01\t\\N\n"].map(|part| Ok(bytes(part))));
    sink.send_all(&mut parts).await?;
    assert_eq!(sink.finish().await?, 2);
    let out = c.copy_out("COPY (SELECT id, s FROM tp_copied WHERE id >= 1000 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)").await?;
    let text: Vec<u8> = out.try_fold(vec![], |mut all, part| async move {
        all.extend_from_slice(&part);
        Ok(all)
    })
    .await?;
    assert_eq!(String::from_utf8(text)?, "id,s\n1000,x\n1001,\n");
    Ok(())
}

fn bytes(text: &'static str) -> std::io::Cursor<&'static [u8]> {
    std::io::Cursor::new(text.as_bytes())
}

async fn a_token_cancels() -> Outcome {
    let c = connect().await?;
    let token = c.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    });
    assert_eq!(code(c.execute("SELECT pg_sleep(30)", &[]).await), SqlState::QUERY_CANCELED.code());
    assert_eq!(c.query_one("SELECT 1", &[]).await?.get::<_, i32>(0), 1);
    Ok(())
}

async fn requests_are_pipelined() -> Outcome {
    let c = connect().await?;
    let statement = c.prepare("SELECT $1::int * 2").await?;
    let answers = future::try_join_all((0..200).map(|i| {
        let (c, statement) = (&c, &statement);
        async move { c.query_one(statement, &[&i]).await.map(|row| row.get::<_, i32>(0)) }
    }))
    .await?;
    assert_eq!(answers, (0..200).map(|i| 2 * i).collect::<Vec<_>>());
    let (failing, passing) = future::join(c.query("SELECT 1 / 0", &[]), c.query("SELECT 7", &[])).await;
    assert_eq!((code(failing), passing?[0].get::<_, i32>(0)), ("22012".to_string(), 7));
    Ok(())
}

async fn simple_statements_follow_each_other() -> Outcome {
    let c = connect().await?;
    let messages = c.simple_query("SELECT 1 AS a; SELECT 'x' AS b, NULL AS c; SELECT 1 WHERE false").await?;
    let rows: Vec<_> = messages.iter().filter_map(|each| if let SimpleQueryMessage::Row(row) = each { Some(row) } else { None }).collect();
    assert_eq!((rows.len(), rows[0].get("a"), rows[1].get("b"), rows[1].get("c")), (2, Some("1"), Some("x"), None));
    Ok(())
}

async fn types_of_the_server_are_known() -> Outcome {
    let c = connect().await?;
    c.batch_execute("CREATE TYPE tp_mood AS ENUM ('sad', 'ok')").await?;
    c.batch_execute("CREATE TYPE tp_place AS (street TEXT, zip INT)").await?;
    let statement = c.prepare("SELECT $1::tp_mood, $2::tp_place, ARRAY['ok']::tp_mood[]").await?;
    assert_eq!(statement.params()[0].kind(), &Kind::Enum(vec!["sad".into(), "ok".into()]));
    match statement.params()[1].kind() {
        Kind::Composite(fields) => assert_eq!(fields.iter().map(|each| each.name()).collect::<Vec<_>>(), ["street", "zip"]),
        other => panic!("{other:?}"),
    }
    match statement.columns()[2].type_().kind() {
        Kind::Array(element) => assert_eq!(element.name(), "tp_mood"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

async fn notifications_arrive() -> Outcome {
    let (client, mut connection) = tokio_postgres::connect(&address(), NoTls).await?;
    let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message {
                tell.send(notification.payload().to_string()).unwrap();
            }
        }
    });
    client.batch_execute("LISTEN tp_news; NOTIFY tp_news, 'hello'").await?;
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), heard.recv()).await?, Some("hello".to_string()));
    Ok(())
}

async fn errors_tell_what_and_where() -> Outcome {
    let c = connect().await?;
    let error = c.query("SELECT nothing FROM tp_values", &[]).await.unwrap_err();
    let told = error.as_db_error().unwrap();
    assert_eq!((told.code(), told.severity()), (&SqlState::UNDEFINED_COLUMN, "ERROR"));
    assert!(told.position().is_some() && told.message().contains("nothing"), "{told:?}");
    assert_eq!(code(c.query("SELECT * FROM not_there", &[]).await), "42P01");
    assert_eq!(code(c.query_opt("SELECT id FROM tp_values WHERE id = 77", &[]).await.map(|row| assert!(row.is_none()))), "it passes");
    Ok(())
}

#[tokio::main]
async fn main() {
    let (mut passed, mut failed) = (0, 0);
    macro_rules! run {
        ($($name:ident),* $(,)?) => {$(
            match tokio::spawn(async { $name().await.map_err(|error| format!("{error}: {:?}", error.source().map(|e| e.to_string()))) }).await {
                Ok(Ok(())) => passed += 1,
                Ok(Err(error)) => { failed += 1; println!("FAILED {}: {error}", stringify!($name)); }
                Err(panic) => { failed += 1; println!("FAILED {}: {panic:?}", stringify!($name)); }
            }
        )*};
    }
    run!(
        values_come_back,
        small_numbers_come_back,
        statements_are_described,
        rows_are_streamed,
        portals_give_parts,
        transactions_nest,
        copy_in_binary,
        copy_as_text,
        a_token_cancels,
        requests_are_pipelined,
        simple_statements_follow_each_other,
        types_of_the_server_are_known,
        notifications_arrive,
        errors_tell_what_and_where,
    );
    println!("{passed} passed, {failed} failed, 0 skipped");
    std::process::exit(if failed == 0 { 0 } else { 1 });
}
