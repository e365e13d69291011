package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
)

// ofConnections is what does not depend on the mode.
func ofConnections() {
	mode := pgx.QueryExecModeCacheStatement
	withConnection("CopyFrom", mode, func(ctx context.Context, c *pgx.Conn) error {
		must(c.Exec(ctx, "CREATE TABLE pgx_copied (id INT, s TEXT, at TIMESTAMP, zoned TIMESTAMPTZ, n NUMERIC(10, 2), a INT[], u UUID, x BYTEA)"))
		rows := [][]any{}
		for i := range 1000 {
			rows = append(rows, []any{i, fmt.Sprint("s", i), noon, noon, "1.25", []int32{int32(i), 7}, "00112233-4455-6677-8899-aabbccddeeff", []byte{0, 255}})
		}
		rows = append(rows, []any{1000, nil, nil, nil, nil, nil, nil, nil})
		columns := []string{"id", "s", "at", "zoned", "n", "a", "u", "x"}
		same(int64(1001), must(c.CopyFrom(ctx, pgx.Identifier{"pgx_copied"}, columns, pgx.CopyFromRows(rows))))
		same(int64(1), must(c.CopyFrom(ctx, pgx.Identifier{"public", "pgx_copied"}, []string{"s", "id"}, pgx.CopyFromRows([][]any{{"last", 2000}}))))
		var count int
		var total float64
		var a []int32
		good(c.QueryRow(ctx, "SELECT count(*), sum(n) FROM pgx_copied").Scan(&count, &total))
		same([]any{1002, 1250.0}, []any{count, total})
		good(c.QueryRow(ctx, "SELECT a FROM pgx_copied WHERE id = 5").Scan(&a))
		same([]int32{5, 7}, a)
		return nil
	})
	withConnection("LoadType", mode, func(ctx context.Context, c *pgx.Conn) error {
		must(c.Exec(ctx, "CREATE TYPE pgx_mood AS ENUM ('sad', 'ok')"))
		must(c.Exec(ctx, "CREATE TYPE pgx_place AS (street TEXT, zip INT)"))
		for _, name := range []string{"pgx_mood", "pgx_mood[]", "pgx_place", "_pgx_place"} {
			loaded, err := c.LoadType(ctx, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			c.TypeMap().RegisterType(loaded)
		}
		type place struct {
			Street string
			Zip    int32
		}
		var moods []string
		var found place
		good(c.QueryRow(ctx, "SELECT $1::pgx_mood[], $2::pgx_place", []string{"ok", "sad"}, place{"a b", 7}).Scan(&moods, &found))
		same([]string{"ok", "sad"}, moods)
		same(place{"a b", 7}, found)
		return nil
	})
	withConnection("LoadTypes", mode, func(ctx context.Context, c *pgx.Conn) error {
		loaded := must(c.LoadTypes(ctx, []string{"pgx_mood", "pgx_place"}))
		same(true, len(loaded) >= 2)
		return nil
	})
	withConnection("a context cancels", mode, func(ctx context.Context, c *pgx.Conn) error {
		short, done := context.WithTimeout(ctx, 300*time.Millisecond)
		defer done()
		_, err := c.Exec(short, "SELECT pg_sleep(30)")
		same(true, err != nil && errors.Is(err, context.DeadlineExceeded))
		return nil
	})
	withConnection("a request cancels", mode, func(ctx context.Context, c *pgx.Conn) error {
		go func() {
			time.Sleep(300 * time.Millisecond)
			good(c.PgConn().CancelRequest(ctx))
		}()
		_, err := c.Exec(ctx, "SELECT pg_sleep(30)")
		same("57014", codeOf(err))
		return c.Ping(ctx)
	})
	withConnection("notifications arrive", mode, func(ctx context.Context, c *pgx.Conn) error {
		must(c.Exec(ctx, "LISTEN pgx_news"))
		must(c.Exec(ctx, "SELECT 1; NOTIFY pgx_news, 'hello'", pgx.QueryExecModeSimpleProtocol))
		heard := must(c.WaitForNotification(ctx))
		same("pgx_news hello", heard.Channel+" "+heard.Payload)
		return nil
	})
	withConnection("prepared statements have names", mode, func(ctx context.Context, c *pgx.Conn) error {
		described := must(c.Prepare(ctx, "named", "SELECT $1::text || 'b' AS s, $2::int + 1 AS n"))
		same([]uint32{pgtype.TextOID, pgtype.Int4OID}, described.ParamOIDs)
		same([]string{"s", "n"}, []string{described.Fields[0].Name, described.Fields[1].Name})
		var s string
		var n int
		good(c.QueryRow(ctx, "named", "a", 1).Scan(&s, &n))
		same([]any{"ab", 2}, []any{s, n})
		return c.Deallocate(ctx, "named")
	})
	withConnection("COPY as text", mode, func(ctx context.Context, c *pgx.Conn) error {
		var out strings.Builder
		must(c.PgConn().CopyTo(ctx, &out, "COPY (SELECT 1, 'a,b' UNION ALL SELECT 2, NULL) TO STDOUT WITH (FORMAT csv)"))
		same("1,\"a,b\"\n2,\n", out.String())
		must(c.PgConn().CopyFrom(ctx, strings.NewReader("3000,x\n"), "COPY pgx_copied (id, s) FROM STDIN WITH (FORMAT csv)"))
		return nil
	})
	withConnection("a cached plan is prepared again", mode, func(ctx context.Context, c *pgx.Conn) error {
		must(c.Exec(ctx, "CREATE TABLE pgx_altered (id INT PRIMARY KEY)"))
		must(c.Exec(ctx, "INSERT INTO pgx_altered VALUES (1)"))
		ask := func() (int, error) {
			rows, err := c.Query(ctx, "SELECT * FROM pgx_altered")
			if err != nil {
				return 0, err
			}
			values, err := pgx.CollectRows(rows, pgx.RowToMap)
			if err != nil {
				return 0, err
			}
			return len(values[0]), nil
		}
		same(1, must(ask()))
		must(c.Exec(ctx, "ALTER TABLE pgx_altered ADD COLUMN s TEXT"))
		_, err := ask()
		same("0A000", codeOf(err)) // and pgx forgets it
		same(2, must(ask()))
		return nil
	})
}

func ofPools() {
	check("pgxpool", func(ctx context.Context) error {
		pool := must(pgxpool.New(ctx, address()+"&pool_max_conns=5&application_name=pooled"))
		defer pool.Close()
		must(pool.Exec(ctx, "CREATE TABLE pgx_pool (id INT PRIMARY KEY)"))
		var waiting sync.WaitGroup
		problems := make(chan error, 100)
		for i := range 100 {
			waiting.Add(1)
			go func() {
				defer waiting.Done()
				_, err := pool.Exec(ctx, "INSERT INTO pgx_pool VALUES ($1)", i)
				problems <- err
			}()
		}
		waiting.Wait()
		for range 100 {
			good(<-problems)
		}
		var count int
		good(pool.QueryRow(ctx, "SELECT count(*) FROM pgx_pool").Scan(&count))
		same(100, count)
		return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			var name string
			good(c.QueryRow(ctx, "SHOW application_name").Scan(&name))
			same("pooled", name)
			return c.Ping(ctx)
		})
	})
	check("database/sql over pgx", func(ctx context.Context) error { return overSql(ctx, "pgx", "sql_pgx") })
}

// overSql is database/sql, which both drivers have.
func overSql(ctx context.Context, driver, table string) error {
	db := must(sql.Open(driver, address()))
	defer db.Close()
	good(db.PingContext(ctx))
	must(db.ExecContext(ctx, "CREATE TABLE "+table+" (id INT PRIMARY KEY, s TEXT, at TIMESTAMPTZ, x BYTEA)"))
	tx := must(db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))
	insert := must(tx.PrepareContext(ctx, "INSERT INTO "+table+" (id, s, at, x) VALUES ($1, $2, $3, $4)"))
	for i := range 20 {
		must(insert.ExecContext(ctx, i, sql.NullString{String: fmt.Sprint(i), Valid: i%2 == 0}, noon, []byte{0, byte(i)}))
	}
	good(tx.Commit())
	rows := must(db.QueryContext(ctx, "SELECT id, s, at, x FROM "+table+" WHERE id < $1 AND at = $2 ORDER BY id", 3, noon))
	defer rows.Close()
	for i := 0; rows.Next(); i++ {
		var id int
		var s sql.NullString
		var at time.Time
		var x []byte
		good(rows.Scan(&id, &s, &at, &x))
		same([]any{i, i%2 == 0, true, []byte{0, byte(i)}}, []any{id, s.Valid, at.Equal(noon), x})
	}
	changed := must(must(db.ExecContext(ctx, "UPDATE "+table+" SET s = $1 WHERE id >= $2", "x", 10)).RowsAffected())
	same(int64(10), changed)
	return rows.Err()
}

func ofLibPq() {
	check("database/sql over lib/pq", func(ctx context.Context) error { return overSql(ctx, "postgres", "sql_pq") })
	check("lib/pq copies, lists and listens", func(ctx context.Context) error {
		db := must(sql.Open("postgres", address()))
		defer db.Close()
		must(db.ExecContext(ctx, "CREATE TABLE pq_copied (id INT, s TEXT)"))
		tx := must(db.BeginTx(ctx, nil))
		copying := must(tx.Prepare(pq.CopyIn("pq_copied", "id", "s")))
		for i := range 100 {
			must(copying.Exec(i, fmt.Sprint(i)))
		}
		must(copying.Exec())
		good(copying.Close())
		good(tx.Commit())
		var count int
		good(db.QueryRowContext(ctx, "SELECT count(*) FROM pq_copied WHERE id = ANY($1) OR s = ANY($2)", pq.Array([]int{1, 2}), pq.Array([]string{"7"})).Scan(&count))
		same(3, count)
		var texts []string
		good(db.QueryRowContext(ctx, "SELECT array_agg(s ORDER BY id) FROM pq_copied WHERE id < 3").Scan(pq.Array(&texts)))
		same([]string{"0", "1", "2"}, texts)
		listener := pq.NewListener(address(), time.Second, time.Minute, nil)
		defer listener.Close()
		good(listener.Listen("pq_news"))
		must(db.ExecContext(ctx, "NOTIFY pq_news, 'hello'"))
		same("hello", (<-listener.Notify).Extra)
		short, done := context.WithTimeout(ctx, 300*time.Millisecond)
		defer done()
		_, err := db.ExecContext(short, "SELECT pg_sleep(30)")
		same(true, err != nil)
		_, err = db.ExecContext(ctx, "SELECT 1 / 0")
		var problem *pq.Error
		same(true, errors.As(err, &problem) && problem.Code == "22012")
		return nil
	})
}
