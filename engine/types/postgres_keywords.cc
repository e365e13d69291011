#include "engine/types/postgres_keywords.h"

#include <algorithm>

#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kNoFunctionAfterAs = "char character precision";

constexpr std::string_view kNoFunction =
    "between bigint bit boolean coalesce dec decimal exists extract float greatest grouping "
    "inout int integer interval least national nchar none normalize nullif numeric out "
    "overlay position real row setof smallint substring time timestamp treat trim values "
    "varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse "
    "xmlpi xmlroot xmlserialize xmltable";

constexpr std::string_view kReservedAfterAs =
    "array as create except fetch for from grant group having intersect into limit offset on "
    "order returning to union where window with";

constexpr std::string_view kReserved =
    "all analyse analyze and any asc asymmetric both case cast check collate column "
    "constraint current_catalog current_date current_role current_time current_timestamp "
    "current_user default deferrable desc distinct do else end false foreign in initially "
    "lateral leading localtime localtimestamp not null only or placing primary references "
    "select session_user some symmetric table then trailing true unique user using variadic "
    "when";

constexpr std::string_view kFunctionOrTypeAfterAs = "isnull notnull overlaps";

constexpr std::string_view kFunctionOrType =
    "authorization binary collation concurrently cross current_schema freeze full ilike inner "
    "is join left like natural outer right similar tablesample verbose";

constexpr std::string_view kUnreservedAfterAs =
    "day filter hour minute month over second varying within without year";

constexpr std::string_view kUnreserved =
    "abort absolute access action add admin after aggregate also alter always asensitive "
    "assertion assignment at atomic attach attribute backward before begin breadth by cache "
    "call called cascade cascaded catalog chain characteristics checkpoint class close "
    "cluster columns comment comments commit committed compression configuration conflict "
    "connection constraints content continue conversion copy cost csv cube current cursor "
    "cycle data database deallocate declare defaults deferred definer delete delimiter "
    "delimiters depends depth detach dictionary disable discard document domain double drop "
    "each enable encoding encrypted enum escape event exclude excluding exclusive execute "
    "explain expression extension external family finalize first following force forward "
    "function functions generated global granted groups handler header hold identity if "
    "immediate immutable implicit import include including increment index indexes inherit "
    "inherits inline input insensitive insert instead invoker isolation key label language "
    "large last leakproof level listen load local location lock locked logged mapping match "
    "matched materialized maxvalue merge method minvalue mode move name names new next nfc "
    "nfd nfkc nfkd no normalized nothing notify nowait nulls object of off oids old operator "
    "option options ordinality others overriding owned owner parallel parameter parser "
    "partial partition passing password plans policy preceding prepare prepared preserve "
    "prior privileges procedural procedure procedures program publication quote range read "
    "reassign recheck recursive ref referencing refresh reindex relative release rename "
    "repeatable replace replica reset restart restrict return returns revoke role rollback "
    "rollup routine routines rows rule savepoint schema schemas scroll search security "
    "sequence sequences serializable server session set sets share show simple skip snapshot "
    "sql stable standalone start statement statistics stdin stdout storage stored strict "
    "strip subscription support sysid system tables tablespace temp template temporary text "
    "ties transaction transform trigger truncate trusted type types uescape unbounded "
    "uncommitted unencrypted unknown unlisten unlogged until update vacuum valid validate "
    "validator value version view views volatile whitespace work wrapper write xml yes zone";

constexpr PostgresKeywords kKeywords[] = {
    {"C", "unreserved (cannot be function or type name)", false, kNoFunctionAfterAs},
    {"C", "unreserved (cannot be function or type name)", true, kNoFunction},
    {"R", "reserved", false, kReservedAfterAs},
    {"R", "reserved", true, kReserved},
    {"T", "reserved (can be function or type name)", false, kFunctionOrTypeAfterAs},
    {"T", "reserved (can be function or type name)", true, kFunctionOrType},
    {"U", "unreserved", false, kUnreservedAfterAs},
    {"U", "unreserved", true, kUnreserved},
};

}  // namespace

std::span<const PostgresKeywords> postgres_keywords() { return kKeywords; }

namespace {

bool has_word(std::string_view words, std::string_view word) {
  for (size_t begin = 0; begin < words.size();) {
    const size_t end = std::min(words.find(' ', begin), words.size());
    if (words.substr(begin, end - begin) == word) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

bool is_postgres_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || is_ascii_digit(c) || c == '_';
  };
  if (text.empty() || is_ascii_digit(text.front()) || !std::ranges::all_of(text, is_plain))
    return false;
  return std::ranges::none_of(kKeywords, [&](const PostgresKeywords& each) {
    return each.category != "U" && has_word(each.words, text);
  });
}

std::string quoted_postgres_name(std::string_view name) {
  if (is_postgres_name(name)) return std::string(name);
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

}  // namespace engine
