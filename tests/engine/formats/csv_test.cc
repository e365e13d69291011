#include "engine/formats/delimited/csv.h"

#include <random>

namespace engine {
namespace {

struct Read {
  std::vector<std::string> records;  // each is "line: field|field", with NULL as <null>
  std::string error;
};

Read read_all(CopyTextReader& reader, std::string_view text, size_t piece) {
  Read got;
  const auto drain = [&] {
    CopyRecord record;
    for (;;) {
      const auto more = reader.next(record);
      if (!more) {
        got.error = more.error().context + ": " + more.error().message;
        return false;
      }
      if (!*more) return true;
      std::string shown = std::to_string(record.line) + ":";
      for (const CopyField& field : record.fields)
        shown += (shown.back() == ':' ? " " : "|") +
                 (field.is_null ? "<null>" : std::string(field.text));
      got.records.push_back(shown);
    }
  };
  for (size_t at = 0; at < text.size(); at += piece) {
    reader.feed(text.substr(at, piece));
    if (!drain()) return got;
  }
  reader.finish();
  drain();
  return got;
}

Read csv(std::string_view text, CopyTextOptions options = {}, size_t piece = 1000) {
  return read_all(*make_csv_reader(std::move(options)), text, piece);
}
using Records = std::vector<std::string>;

TEST(CsvReader, quotes_nulls_and_line_ends) {
  EXPECT_EQ(csv("a,b\r\n\"x, \"\"y\"\"\nz\",\n\"\",c").records,
            (Records{"1: a|b", "2: x, \"y\"\nz|<null>", "4: |c"}));
  EXPECT_EQ(csv("a\"b,c\"d,e\n").records, (Records{"1: ab,cd|e"}));
  EXPECT_EQ(csv("\n").records, (Records{"1: <null>"}));
  EXPECT_TRUE(csv("").records.empty());
}

TEST(CsvReader, options_change_delimiter_quote_escape_and_null) {
  EXPECT_EQ(
      csv("a;'b\\'c\\\\';-\n", {.delimiter = ';', .null_text = "-", .quote = '\'', .escape = '\\'})
          .records,
      (Records{"1: a|b'c\\|<null>"}));
  const auto reader = make_csv_reader({.has_header = true});
  EXPECT_EQ(read_all(*reader, "ID,\"the name\"\n1,x\n", 3).records, (Records{"2: 1|x"}));
  EXPECT_EQ(reader->header(), (Records{"ID", "the name"}));
}

TEST(CsvReader, a_quote_that_does_not_end_is_an_error_with_its_line) {
  EXPECT_EQ(csv("a,b\nc,\"d\ne,f\n").error, "line 2: unterminated CSV quoted field");
}

TEST(CsvReader, backslash_dot_ends_the_input) {
  EXPECT_EQ(csv("a\n\\.\nb\n").records, (Records{"1: a"}));
}

TEST(CsvReader, the_size_of_pieces_does_not_matter) {
  std::mt19937 random(4711);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "ab,\"\"\"\n\r\\.x"[random() % 12];
    const CopyTextOptions options{.escape = round % 2 == 0 ? '"' : '\\'};
    const Read whole = csv(text, options);
    for (const size_t piece : {1, 2, 7}) {
      const Read pieces = csv(text, options, piece);
      ASSERT_EQ(pieces.records, whole.records) << text;
      ASSERT_EQ(pieces.error, whole.error) << text;
    }
    const CopyTextOptions tabs{.delimiter = ',', .null_text = "\\N"};
    const Read text_whole = read_all(*make_copy_text_reader(tabs), text, 1000);
    ASSERT_EQ(read_all(*make_copy_text_reader(tabs), text, 1).records, text_whole.records) << text;
  }
}

TEST(CopyTextReader, a_record_is_cut_after_one_field_too_many) {
  const std::string delimiters(1'000'000, ',');
  for (const auto& reader : {make_csv_reader({.max_fields = 2}),
                             make_copy_text_reader({.delimiter = ',', .max_fields = 2})}) {
    const Read got = read_all(*reader, "a,b\na,b,c,d\n" + delimiters + "\na\n", 1'000'000);
    EXPECT_EQ(got.records, (Records{"1: a|b", "2: a|b|c", "3: <null>|<null>|<null>", "4: a"}));
    EXPECT_LT(reader->held_bytes(), 5 * delimiters.size());
  }
}

TEST(CopyTextReader, escapes_and_nulls) {
  const CopyTextOptions tabs{.delimiter = '\t', .null_text = "\\N"};
  EXPECT_EQ(read_all(*make_copy_text_reader(tabs),
                     "a\\tb\t\\N\t\\\\N\n\\x41\\102\\n\tc\\\td\t\nx\\\ny\n\\.\nz", 1000)
                .records,
            (Records{"1: a\tb|<null>|\\N", "2: AB\n|c\td|", "3: x\ny"}));
}

}  // namespace
}  // namespace engine
