// How rows of a query are written: the two forms that ksqlDB's API has, and each of them as a whole JSON
// document too.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/sql/port.h"

namespace server::http {

struct QueryResult {
  std::string query_id;
  const sql::Prepared& prepared;
  bool is_push() const { return prepared.kind == sql::ResultKind::PushRows; }
};

// Appends to `out`. The caller keeps the order: begin, rows, end or error.
//
// Threads: one.
class QueryFormat {
 public:
  virtual ~QueryFormat() = default;
  virtual std::string_view content_type() const = 0;
  // Fails where the columns have no such form.
  virtual Status begin(const QueryResult& result, std::string& out) = 0;
  virtual void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
                   std::string& out) = 0;
  virtual void end(bool has_reached_limit, std::string& out) = 0;
  virtual void fail(const Error& error, std::string& out) = 0;
};

// By what an Accept header wants, of what the endpoint has:
//   objects   [{"header":{...}},{"row":{"columns":[...]}},...], one on each line; what /query gives without a wish.
//             Or with the bytes of Protobuf messages in place of columns, in base64; the header has their schema.
//   lines     {"queryId":...} and then an array for each row, a line each; what /query-stream gives without a wish
//   an array  of all that lines have
enum class QueryEndpoint : uint8_t { Query, QueryStream };
std::unique_ptr<QueryFormat> make_query_format(QueryEndpoint endpoint, std::string_view accept);
// Whether lines are to be one JSON document.
bool wants_array(std::string_view accept);

// "`ID` STRING KEY, `N` BIGINT"
std::string schema_text(const sql::Prepared& prepared);

}  // namespace server::http
