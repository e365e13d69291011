// pgx in all of its ways to ask, its pool, COPY and types; and lib/pq.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var passed, failed int

var modes = []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
	pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}

func address() string {
	return fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable", os.Getenv("PGUSER"), os.Getenv("MILLRACE_PG"))
}

// check counts a case, which fails by its error or by a panic.
func check(name string, body func(ctx context.Context) error) {
	ctx, done := context.WithTimeout(context.Background(), 60*time.Second)
	defer done()
	err := func() (err error) {
		defer func() {
			if problem := recover(); problem != nil {
				err = fmt.Errorf("%v", problem)
			}
		}()
		return body(ctx)
	}()
	if err != nil {
		failed++
		fmt.Printf("FAILED %s: %v\n", name, err)
		return
	}
	passed++
}

// withConnection counts a case that has a connection of its own.
func withConnection(name string, mode pgx.QueryExecMode, body func(ctx context.Context, c *pgx.Conn) error) {
	check(fmt.Sprintf("%s [%v]", name, mode), func(ctx context.Context) error {
		config, err := pgx.ParseConfig(address())
		if err != nil {
			return err
		}
		config.DefaultQueryExecMode = mode
		c, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		return body(ctx, c)
	})
}

func same(expected, found any) {
	if !reflect.DeepEqual(expected, found) {
		panic(fmt.Sprintf("expected %#v, found %#v", expected, found))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func good(err error) {
	if err != nil {
		panic(err)
	}
}

// codeOf is the SQLSTATE of an error.
func codeOf(err error) string {
	var problem *pgconn.PgError
	if errors.As(err, &problem) {
		return problem.Code
	}
	return fmt.Sprint(err)
}

func suffix(mode pgx.QueryExecMode) string {
	return strings.ReplaceAll(mode.String(), " ", "_")
}

func main() {
	for _, mode := range modes {
		inMode(mode)
	}
	ofConnections()
	ofPools()
	ofLibPq()
	fmt.Printf("%d passed, %d failed, 0 skipped\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
