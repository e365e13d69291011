#include "server/pg/copy_file_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace server::pg {

namespace {

using std::string_view_literals::operator""sv;

struct FileKind {
  std::string_view beginning, what, hint;
};
constexpr FileKind kFileKinds[] = {
    {"\x1f\x8b"sv, "compressed with gzip",
     "In psql use \\copy t FROM PROGRAM 'gunzip -c FILE.gz' WITH (FORMAT csv)."},
    {"\x28\xb5\x2f\xfd"sv, "compressed with zstd",
     "In psql use \\copy t FROM PROGRAM 'zstd -dc FILE.zst' WITH (FORMAT csv)."},
    {"BZh"sv, "compressed with bzip2",
     "In psql use \\copy t FROM PROGRAM 'bunzip2 -c FILE.bz2' WITH (FORMAT csv)."},
    {"\xfd"
     "7zXZ"sv,
     "compressed with xz", "In psql use \\copy t FROM PROGRAM 'xz -dc FILE.xz' WITH (FORMAT csv)."},
    {"PK\x03\x04"sv, "a zip file or a spreadsheet",
     "Save a spreadsheet as CSV. For a zip file, in psql use \\copy t FROM PROGRAM 'unzip -p "
     "FILE.zip' WITH (FORMAT csv)."},
    {"PAR1"sv, "a Parquet file",
     "Convert it to CSV, for example in Python: pandas.read_parquet(FILE).to_csv(...)."},
    {"PGDMP"sv, "an archive of pg_dump",
     "Use pg_restore -f - FILE | psql, or dump with pg_dump --format plain."},
    {"SQLite format 3\0"sv, "a database of SQLite",
     "Write a table as CSV: sqlite3 -csv FILE 'SELECT * FROM t'."},
    {"\xff\xfe"sv, "UTF-16 text", "Convert the file: iconv -f utf-16 -t utf-8 old.csv > new.csv."},
    {"\xfe\xff"sv, "UTF-16 text", "Convert the file: iconv -f utf-16 -t utf-8 old.csv > new.csv."},
};

}  // namespace

std::optional<Error> not_a_text_file(std::string_view beginning) {
  const auto* kind = std::ranges::find_if(
      kFileKinds, [&](const FileKind& each) { return beginning.starts_with(each.beginning); });
  if (kind == std::end(kFileKinds)) return std::nullopt;
  return Error{ErrorCode::BadCopyFormat, fmt::format("the data is {}, not text", kind->what)}
      .with_hint(std::string(kind->hint));
}

}  // namespace server::pg
