#include "server/http/rest/sql_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include "base/suggest.h"
#include "engine/json/json_writer.h"
#include "engine/sql/ast.h"
#include "engine/types/ascii.h"
#include "engine/types/text_json.h"

namespace server::http {

namespace {

using engine::SqlType;
using engine::TypeKind;

// Returns the type under the name that CREATE accepts. SqlType::to_string() returns ksqlDB's name
// STRING.
std::string declared_type(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::String:
      return "VARCHAR";
    case TypeKind::Array:
      return fmt::format("ARRAY<{}>", declared_type(type.element()));
    case TypeKind::Map:
      return fmt::format("MAP<{}, {}>", declared_type(type.key()), declared_type(type.value()));
    case TypeKind::Struct: {
      std::string fields;
      for (const engine::Field& field : type.fields())
        fields += fmt::format("{}`{}` {}", fields.empty() ? "" : ", ", field.name,
                              declared_type(field.type));
      return fmt::format("STRUCT<{}>", fields);
    }
    default:
      return type.to_string();
  }
}

// Writes a line: a JSON object with one member, whose value is an object.
class Line {
 public:
  explicit Line(std::string_view name) {
    json_.begin_object();
    json_.key(name);
    json_.begin_object();
  }
  engine::JsonWriter& json() { return json_; }
  void add_unless_empty(std::string_view name, std::string_view value) {
    if (!value.empty()) json_.member(name, value);
  }
  std::string take() {
    json_.end_object();
    json_.end_object();
    return json_.take() + '\n';
  }

 private:
  engine::JsonWriter json_;
};

std::string_view severity_of(sql::NoticeLevel level) {
  switch (level) {
    case sql::NoticeLevel::Warning:
      return "WARNING";
    case sql::NoticeLevel::Log:
      return "LOG";
    case sql::NoticeLevel::Notice:
      break;
  }
  return "NOTICE";
}

// PostgreSQL's tag: a command, perhaps followed by numbers, of which the last one counts rows.
struct CommandTag {
  std::string_view command;
  uint64_t rows = 0;
};
CommandTag split_tag(std::string_view tag) {
  CommandTag split{tag};
  bool is_last = true;
  for (size_t blank = tag.rfind(' '); blank != tag.npos; blank = tag.rfind(' ')) {
    const std::string_view word = tag.substr(blank + 1);
    if (word.empty() || !std::ranges::all_of(word, engine::is_ascii_digit)) break;
    if (std::exchange(is_last, false))
      std::from_chars(word.data(), word.data() + word.size(), split.rows);
    tag.remove_suffix(tag.size() - blank);
    split.command = tag;
  }
  return split;
}

std::string source_name(const engine::Statement& statement) {
  const auto* query = std::get_if<engine::Query>(&statement);
  return query && query->from && !query->from->name.text.empty() ? query->from->name.text : "QUERY";
}

Error refused_copy(const engine::Copy& copy) {
  if (copy.direction == engine::CopyDirection::FromStdin)
    return Error{ErrorCode::NotSupported, "COPY FROM STDIN is not supported by /sql",
                 "The request has no place for the rows.",
                 "Use psql, POST /inserts-stream, or REST's POST /topics/NAME."};
  return Error{ErrorCode::NotSupported,
               "COPY TO STDOUT is not supported by /sql",
               {},
               "Send the SELECT itself: its rows are JSON."};
}

bool is_word_character(char c) {
  return engine::is_ascii_letter(c) || engine::is_ascii_digit(c) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Returns the end of the word, quoted name, text, number or operator that begins at `begin`.
size_t token_end(std::string_view text, size_t begin) {
  if (begin >= text.size()) return text.size();
  const char first = text[begin];
  if (first == '"' || first == '\'' || first == '`') {
    for (size_t at = begin + 1; at < text.size(); ++at) {
      if (text[at] != first) continue;
      const bool is_doubled = at + 1 < text.size() && text[at + 1] == first;
      if (!is_doubled) return at + 1;
      ++at;
    }
    return text.size();
  }
  const bool is_number = engine::is_ascii_digit(first);
  const auto continues = [&](char c) { return is_word_character(c) || (is_number && c == '.'); };
  constexpr std::string_view kOperators = "<>=!~|&:";
  const auto is_operator = [&](char c) { return kOperators.find(c) != kOperators.npos; };
  size_t end = begin + 1;
  if (continues(first))
    while (end < text.size() && continues(text[end])) ++end;
  else if (is_operator(first))
    while (end < text.size() && is_operator(text[end])) ++end;
  return end;
}

size_t character_count(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Returns the only name that the hint proposes; empty if it proposes none.
std::string candidate_of(std::string_view hint) {
  constexpr std::string_view kBegin = "Did you mean ";
  if (!hint.starts_with(kBegin)) return {};
  hint.remove_prefix(kBegin.size());
  std::string candidate(hint.substr(0, hint.find('?')));
  if (candidate.size() == hint.size() || candidate.find_first_of(" ,") != candidate.npos) return {};
  return candidate;
}

// Returns the text that should replace `word`, if the candidate is similar to it. Names in the text
// keep their letter case: Millrace's hints have bare names in upper case.
std::string replacement(std::string_view word, const std::string& candidate) {
  const bool is_quoted = candidate.starts_with('`') || candidate.starts_with('\'');
  std::string name = is_quoted ? candidate.substr(1, candidate.size() - 2) : candidate;
  std::string_view bare = word;
  const bool was_quoted =
      bare.size() > 2 && (bare.front() == '"' || bare.front() == '`' || bare.front() == '\'');
  if (was_quoted) bare = bare.substr(1, bare.size() - 2);
  const std::string known[] = {name};
  if (bare.empty() || closest_name(bare, known).empty()) return {};
  if (was_quoted) return word.front() + name + word.front();
  if (is_quoted) return '"' + name + '"';
  const bool has_upper_case =
      std::ranges::any_of(bare, [](char c) { return c >= 'A' && c <= 'Z'; });
  return has_upper_case ? name : engine::lower_case(name);
}

}  // namespace

std::optional<MarkedText> marked_text(const Error& error, std::string_view text) {
  if (!error.position || text.empty() || error.position->offset > text.size()) return std::nullopt;
  size_t begin = error.position->offset;
  size_t end = token_end(text, begin);
  MarkedText marked;
  if (const std::string candidate = candidate_of(error.hint); !candidate.empty()) {
    marked.fix = replacement(text.substr(begin, end - begin), candidate);
    // If the position of the error is the qualifier of a column (b in b.nme), the mistake may be in
    // the column, which is then marked.
    if (marked.fix.empty() && end + 1 < text.size() && text[end] == '.') {
      const size_t next_end = token_end(text, end + 1);
      marked.fix = replacement(text.substr(end + 1, next_end - end - 1), candidate);
      if (!marked.fix.empty()) {
        begin = end + 1;
        end = next_end;
      }
    }
  }
  const std::string_view before = text.substr(0, begin);
  const size_t newline = before.rfind('\n');
  const size_t line_begin = newline == before.npos ? 0 : newline + 1;
  marked.line = static_cast<uint32_t>(1 + std::ranges::count(before, '\n'));
  marked.column = static_cast<uint32_t>(1 + character_count(before.substr(line_begin)));
  marked.length = static_cast<uint32_t>(character_count(text.substr(begin, end - begin)));
  return marked;
}

std::string error_line(const Error& error, std::string_view text, size_t number) {
  Line line("error");
  if (number > 0) line.json().member("n", number);
  line.json().member("code", sqlstate(error.code));
  line.json().member("message",
                     error.message.empty() ? name(error.code) : std::string_view(error.message));
  line.add_unless_empty("detail", error.detail);
  line.add_unless_empty("hint", error.hint);
  line.add_unless_empty("context", error.context);
  if (const auto marked = marked_text(error, text)) {
    line.json().member("line", marked->line);
    line.json().member("column", marked->column);
    line.json().member("length", marked->length);
    line.add_unless_empty("fix", marked->fix);
  }
  return line.take();
}

std::string beat_line(bool has_caught_up) {
  Line line("beat");
  line.json().member("caught_up", has_caught_up);
  return line.take();
}

Result<sql::AnswerForm::Range> SqlLines::begin_script(size_t statement_count) {
  statement_count_ = statement_count;
  if (!options_.together) return Range{0, statement_count};
  if (statement_count > kMostTogether)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("{} statements cannot run side by side: the limit is {}",
                             statement_count, kMostTogether),
                 {},
                 "Divide them among several requests."};
  return Range{*options_.together, *options_.together + 1};
}

Status SqlLines::begin_statement(const engine::ParsedStatement& statement) {
  if (&statement != std::exchange(current_, &statement)) {
    number_ = options_.together ? *options_.together + 1 : number_ + 1;
    began_us_ = clock_.monotonic_us();
    source_ = source_name(statement.statement);
    start_ = statement.start;
    rows_ = 0;
    has_head_ = has_more_ = false;
  }
  if (const auto* copy = std::get_if<engine::Copy>(&statement.statement))
    return refused_copy(*copy).at(statement.start);
  if (std::holds_alternative<engine::Listen>(statement.statement))
    return Error{ErrorCode::NotSupported, "LISTEN is not supported by /sql",
                 "Notifications need a session that lasts longer than a request.",
                 "Use a connection of the PostgreSQL protocol."}
        .at(statement.start);
  return {};
}

Status SqlLines::accept(const sql::Prepared* prepared) {
  const bool is_push = prepared && prepared->kind == sql::ResultKind::PushRows;
  if (is_push || !options_.together) return {};
  return Error{ErrorCode::NotSupported,
               "only push queries can run side by side",
               {},
               "End each SELECT with EMIT CHANGES, or send the statements without \"together\"."}
      .at(start_);
}

void SqlLines::begin_rows(std::string& out, std::span<const sql::ResultColumn> columns,
                          sql::RowsKind kind) {
  kind_ = kind;
  has_head_ = true;
  Line line("head");
  engine::JsonWriter& json = line.json();
  json.member("n", number_);
  json.member("kind", kind == sql::RowsKind::Changes ? "changes" : "rows");
  json.member("id", events_.begin_query(source_, kind));
  json.key("columns");
  json.begin_array();
  for (const sql::ResultColumn& column : columns) {
    json.begin_object();
    json.member("name", column.name);
    json.member("type", declared_type(column.type));
    if (column.role == "KEY") json.member("key", true);
    json.end_object();
  }
  json.end_array();
  out += line.take();
}

void SqlLines::add_row(std::string& out, std::span<const engine::ColumnPtr> columns, size_t row) {
  const bool is_changes = kind_ == sql::RowsKind::Changes;
  if (!is_changes && options_.max_rows && rows_ >= *options_.max_rows) {
    has_more_ = true;
    return;
  }
  ++rows_;
  out += '[';
  if (options_.together) out += std::to_string(number_) + ',';
  size_t count = columns.size();
  if (is_changes) {
    const bool is_present = columns[--count]->data<uint8_t>()[row] != 0;
    out += is_present ? R"("u")" : R"("d")";
    if (count > 0) out += ',';
  }
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    engine::append_json_value(out, *columns[i], row, engine::JsonTimes::Iso,
                              engine::JsonNumbers::Exact);
  }
  out += "]\n";
}

void SqlLines::add_notice(std::string& out, const sql::Notice& notice, std::string_view code) {
  Line line("notice");
  if (number_ > 0) line.json().member("n", number_);
  line.json().member("severity", severity_of(notice.level));
  line.json().member("code", code);
  line.json().member("message", notice.message);
  line.add_unless_empty("detail", notice.detail);
  line.add_unless_empty("hint", notice.hint);
  out += line.take();
}

void SqlLines::end_statement(std::string& out, std::string_view tag) {
  const CommandTag split = split_tag(tag);
  Line line("done");
  if (number_ > 0) line.json().member("n", number_);
  line.json().member("tag", split.command);
  line.json().member("rows", has_head_ ? rows_ : split.rows);
  line.json().member("more", has_more_);
  line.json().member("ms", number_ > 0 ? (clock_.monotonic_us() - began_us_) / 1000 : 0);
  out += line.take();
  end_query();
}

void SqlLines::fail(std::string& out, const Error& error, std::string_view text) {
  // The shell removes the quotes of '... WHERE city = 'Lahore'', so the statement arrives without them.
  Error shown = error;
  if (options_.is_from_shell && error.hint.find("needs single quotes") != std::string::npos)
    shown.hint +=
        " Within '...' the shell removes them: put the request into a file, and send -d @FILE.";
  out += error_line(shown, text, number_);
  end_query();
  events_.on_failure(error);
}

void SqlLines::end_query() {
  if (std::exchange(has_head_, false)) events_.end_query();
}

}  // namespace server::http
