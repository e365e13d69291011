// ksqlDB's API, which https://docs.ksqldb.io/en/latest/developer-guide/api/ describes, and POST /sql
// (docs/HTTP.md).
#pragma once
#include "server/http/rest/command_log.h"
#include "server/http/rest/open_queries.h"
#include "server/http/rest/sql_exchange.h"
#include "server/http/routes.h"

namespace server::http {

// Adds /sql, /ksql, /query, /query-stream, /inserts-stream, /close-query, /status and /is_valid_property. `pages` outlives
// the front end.
void add_sql_pages(Routes& routes, const SqlPages& pages);

}  // namespace server::http
