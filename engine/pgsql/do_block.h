// Converts those DO blocks that have the effect of one statement. PL/pgSQL itself is not supported.
#pragma once
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/pgsql/tree.h"
#include "engine/sql/ast.h"

namespace engine::pgsql {

struct DoBlock {
  Statement statement;
  std::string text;  // text of the statement within the block; empty: the block does nothing
};

// Converts a block that has one of the following forms. Sequelize, Drizzle and many migrations
// create enumerations with the first one; sqlx sets how statements are planned with the second one.
//   BEGIN CREATE TYPE ...; EXCEPTION WHEN duplicate_object THEN NULL; END
//   BEGIN IF EXISTS (SELECT 1 FROM pg_settings WHERE name = 'plan_cache_mode') THEN SET ...; END IF; END
// The first form becomes CREATE TYPE IF NOT EXISTS. Returns nothing for any other block. If the
// type cannot be created, fails like parse_postgres(); the position of the error then counts from
// the begin of the inner statement.
Result<std::optional<DoBlock>> do_block(const Fields& fields);

}  // namespace engine::pgsql
