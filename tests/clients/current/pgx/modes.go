package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

var noon = time.Date(2024, 2, 29, 12, 30, 15, 678000000, time.UTC)

func allBytes() []byte {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	return bytes
}

// inMode is what each way of asking has to do.
func inMode(mode pgx.QueryExecMode) {
	table := "pgx_" + suffix(mode)
	withConnection("values come back", mode, func(ctx context.Context, c *pgx.Conn) error {
		must(c.Exec(ctx, "CREATE TABLE "+table+" (id INT PRIMARY KEY, l BIGINT, h SMALLINT, f REAL, d DOUBLE PRECISION, n NUMERIC(10, 2), b BOOLEAN, s TEXT, x BYTEA, "+
			"day DATE, at TIMESTAMP, zoned TIMESTAMPTZ, u UUID, j JSONB, i INT[], t TEXT[])"))
		number := pgtype.Numeric{}
		good(number.Scan("12.50"))
		tag := must(c.Exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
			1, int64(1)<<40, int16(-3), float32(1.5), 0.1, number, true, "it's \\ grüße", allBytes(), noon, noon, noon,
			"00112233-4455-6677-8899-aabbccddeeff", `{"a": [1]}`, []int32{1, 2, 3}, []string{"a,b", "", `"q\"`}))
		same(int64(1), tag.RowsAffected())
		var (
			l        int64
			h        int16
			f        float32
			d        float64
			n        pgtype.Numeric
			b        bool
			s        string
			x        []byte
			day      time.Time
			at       time.Time
			zoned    time.Time
			u        pgtype.UUID
			j        map[string]any
			i        []int32
			t        []string
			nothing  *string
			ofNobody *int
		)
		good(c.QueryRow(ctx, "SELECT l, h, f, d, n, b, s, x, day, at, zoned, u, j, i, t, NULL::text, NULL::int FROM "+table+" WHERE id = $1 AND x = $2", 1, allBytes()).
			Scan(&l, &h, &f, &d, &n, &b, &s, &x, &day, &at, &zoned, &u, &j, &i, &t, &nothing, &ofNobody))
		same([]any{int64(1) << 40, int16(-3), float32(1.5), 0.1, true, "it's \\ grüße", allBytes()}, []any{l, h, f, d, b, s, x})
		same("2024-02-29", day.Format(time.DateOnly))
		same(true, at.Equal(noon) && zoned.Equal(noon) && nothing == nil && ofNobody == nil)
		same("12.5", fmt.Sprint(must(n.Float64Value()).Float64))
		same("00112233-4455-6677-8899-aabbccddeeff", u.String())
		same(map[string]any{"a": []any{1.0}}, j)
		same([]int32{1, 2, 3}, i)
		same([]string{"a,b", "", `"q\"`}, t)
		return nil
	})
	withConnection("parameters compare", mode, func(ctx context.Context, c *pgx.Conn) error {
		for where, value := range map[string]any{"id = $1": 1, "l > $1": int64(5), "d < $1": 0.2, "s LIKE $1": "it%", "day = $1": noon.Truncate(24 * time.Hour), "at <= $1": noon,
			"zoned = $1": noon, "b = $1": true, "id = ANY($1::int[])": []int32{1, 2}, "s = ANY($1::text[])": []string{"it's \\ grüße"}, "coalesce(h, 0) = $1": int16(-3),
			"u = $1": "00112233-4455-6677-8899-aabbccddeeff"} {
			var id int
			if err := c.QueryRow(ctx, "SELECT id FROM "+table+" WHERE "+where, value).Scan(&id); err != nil || id != 1 {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
		return nil
	})
	withConnection("rows become structs", mode, func(ctx context.Context, c *pgx.Conn) error {
		type row struct {
			N    int32
			Name string
		}
		rows := must(c.Query(ctx, "SELECT g AS n, 'row ' || g AS name FROM generate_series(1, $1::int) AS g ORDER BY g LIMIT $2", 100, 3))
		same([]row{{1, "row 1"}, {2, "row 2"}, {3, "row 3"}}, must(pgx.CollectRows(rows, pgx.RowToStructByName[row])))
		rows = must(c.Query(ctx, "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, name) WHERE n = @wanted", pgx.NamedArgs{"wanted": 2}))
		same([]row{{2, "b"}}, must(pgx.CollectRows(rows, pgx.RowToStructByPos[row])))
		return nil
	})
	withConnection("transactions nest", mode, func(ctx context.Context, c *pgx.Conn) error {
		moves := table + "_moves"
		must(c.Exec(ctx, "CREATE TABLE "+moves+" (id INT PRIMARY KEY)"))
		good(pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			must(tx.Exec(ctx, "INSERT INTO "+moves+" VALUES ($1)", 1))
			inner := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
				must(tx.Exec(ctx, "INSERT INTO "+moves+" VALUES ($1)", 2))
				return fmt.Errorf("no")
			})
			same("no", inner.Error())
			return nil
		}))
		tx := must(c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}))
		_, err := tx.Exec(ctx, "INSERT INTO "+moves+" VALUES ($1)", 3)
		same("25006", codeOf(err))
		good(tx.Rollback(ctx))
		rows := must(c.Query(ctx, "SELECT id FROM "+moves))
		same([]int32{1}, must(pgx.CollectRows(rows, pgx.RowTo[int32])))
		return nil
	})
	withConnection("a batch is one message", mode, func(ctx context.Context, c *pgx.Conn) error {
		many := table + "_batch"
		must(c.Exec(ctx, "CREATE TABLE "+many+" (id INT PRIMARY KEY, s TEXT)"))
		batch := &pgx.Batch{}
		for i := range 50 {
			batch.Queue("INSERT INTO "+many+" (id, s) VALUES ($1, $2)", i, fmt.Sprint(i))
		}
		count := 0
		batch.Queue("SELECT count(*) FROM " + many).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
		good(c.SendBatch(ctx, batch).Close())
		same(50, count)
		failing := &pgx.Batch{}
		failing.Queue("INSERT INTO "+many+" (id, s) VALUES ($1, $2)", 100, "x")
		failing.Queue("SELECT 1 / $1::int", 0)
		same("22012", codeOf(c.SendBatch(ctx, failing).Close()))
		good(c.QueryRow(ctx, "SELECT count(*) FROM "+many+" WHERE id >= $1", 50).Scan(&count))
		same(0, count)
		return nil
	})
	withConnection("errors have codes", mode, func(ctx context.Context, c *pgx.Conn) error {
		for text, code := range map[string]string{"SELECT * FROM not_there": "42P01", "SELECT nothing": "42703", "SELEC 1": "42601", "SELECT 1 / 0": "22012"} {
			_, err := c.Exec(ctx, text)
			same(text+" "+code, text+" "+codeOf(err))
		}
		return nil
	})
	withConnection("time ends a statement", mode, func(ctx context.Context, c *pgx.Conn) error {
		must(c.Exec(ctx, "SET statement_timeout = 300"))
		_, err := c.Exec(ctx, "SELECT pg_sleep(30)")
		same("57014", codeOf(err))
		return nil
	})
}
