// Converts the DO blocks that stand for one statement. PL/pgSQL does not exist here.
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

// Converts a block of one of these forms, in which Sequelize, Drizzle and many migrations create enumerations, and
// sqlx sets how statements are planned:
//   BEGIN CREATE TYPE ...; EXCEPTION WHEN duplicate_object THEN NULL; END
//   BEGIN IF EXISTS (SELECT 1 FROM pg_settings WHERE name = 'plan_cache_mode') THEN SET ...; END IF; END
// The former is CREATE TYPE IF NOT EXISTS. Returns nothing for any other block. Fails as parse_postgres() does if the
// type cannot be created; the position of the error counts from the begin of the inner statement.
Result<std::optional<DoBlock>> do_block(const Fields& fields);

}  // namespace engine::pgsql
