// The checked macros of sqlx: while this program is compiled, they ask the server for the types of each statement.
use sqlx::postgres::PgPoolOptions;

#[derive(Debug, PartialEq)]
struct Item {
    id: i32,
    name: String,
    price: Option<i64>,
}

#[tokio::main]
async fn main() -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(2).connect(&std::env::var("DATABASE_URL").unwrap()).await?;

    let made = sqlx::query!("INSERT INTO items (id, name, price) VALUES ($1, $2, $3) RETURNING id", 1, "tea", Some(120i64))
        .fetch_one(&pool)
        .await?;
    assert_eq!(made.id, 1);
    sqlx::query!("INSERT INTO items (id, name, price) VALUES ($1, $2, NULL)", 2, "oil").execute(&pool).await?;

    let item = sqlx::query_as!(Item, "SELECT id, name, price FROM items WHERE id = $1", 2).fetch_one(&pool).await?;
    assert_eq!(item, Item { id: 2, name: "oil".into(), price: None });

    let count = sqlx::query_scalar!("SELECT count(*) FROM items WHERE name = ANY($1)", &["tea".to_string(), "oil".to_string()][..])
        .fetch_one(&pool)
        .await?;
    assert_eq!(count, Some(2));

    let joined = sqlx::query!(r#"SELECT i.name, s.size AS "size?" FROM items i LEFT JOIN sizes s ON s.id = i.id ORDER BY i.id"#)
        .fetch_all(&pool)
        .await?;
    assert_eq!(joined[0].size, Some(7));
    assert_eq!(joined[1].size, None);

    let mut transaction = pool.begin().await?;
    let changed = sqlx::query!("UPDATE items SET price = price + 1 WHERE price IS NOT NULL").execute(&mut *transaction).await?;
    assert_eq!(changed.rows_affected(), 1);
    transaction.rollback().await?;
    let price = sqlx::query_scalar!("SELECT price FROM items WHERE id = 1").fetch_one(&pool).await?;
    assert_eq!(price, Some(120));
    println!("all right");
    Ok(())
}
