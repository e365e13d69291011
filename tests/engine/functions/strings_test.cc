#include <gtest/gtest.h>

#include "tests/engine/functions/call.h"

using namespace functions_test;

namespace {

const Typed kNoText{engine::TypeKind::String, {}};
const char kSmile[] = "\xF0\x9F\x98\x80";  // U+1F600: two UTF-16 units

}  // namespace

TEST(Strings, lengths_and_positions_count_utf16_units) {
  EXPECT_EQ(shown("LEN", {"abc"}), "3");
  EXPECT_EQ(shown("LEN", {kSmile}), "2");
  EXPECT_EQ(shown("LEN", {"Ελλάδα"}), "6");
  EXPECT_EQ(shown("SUBSTRING", {"Ελλάδα", 2, 3}), "\"λλά\"");
  EXPECT_EQ(shown("INSTR", {"Ελλάδα", "δ"}), "5");
  EXPECT_EQ(shown("LPAD", {"δ", 3, "α"}), "\"ααδ\"");
}

TEST(Strings, substring_takes_odd_positions_as_ksqldb_does) {
  EXPECT_EQ(shown("SUBSTRING", {"some_string", 6}), "\"string\"");
  EXPECT_EQ(shown("SUBSTRING", {"some_string", 6, 3}), "\"str\"");
  EXPECT_EQ(shown("SUBSTRING", {"abc", 0, 2}), "\"ab\"");
  EXPECT_EQ(shown("SUBSTRING", {"abc", -2}), "\"bc\"");
  EXPECT_EQ(shown("SUBSTRING", {"abc", -9, 2}), "\"ab\"");
  EXPECT_EQ(shown("SUBSTRING", {"abc", 7}), "\"\"");
  EXPECT_EQ(shown("SUBSTRING", {"abc", 2, -1}), "\"\"");
  EXPECT_EQ(shown("SUBSTRING", {"abc", INT32_MIN, INT32_MAX}), "\"abc\"");
  EXPECT_EQ(shown("SUBSTRING", {kNoText, 1}), "null");
  EXPECT_EQ(shown("SUBSTRING", {bytes("some"), 2, 2}), "\"b20=\"");
}

TEST(Strings, case_follows_unicode) {
  EXPECT_EQ(shown("UCASE", {"straße é"}), "\"STRASSE É\"");
  EXPECT_EQ(shown("LCASE", {"ÀB"}), "\"àb\"");
  EXPECT_EQ(shown("INITCAP", {" the   Quick br0wn fOx"}), "\"The   Quick Br0wn Fox\"");
}

TEST(Strings, instr_finds_the_nth_in_both_directions) {
  EXPECT_EQ(shown("INSTR", {"corporate floor", "or", 4, 2}), "14");
  EXPECT_EQ(shown("INSTR", {"corporate floor", "or", -4, 2}), "2");
  EXPECT_EQ(shown("INSTR", {"short", "or", 4, 2}), "0");
  EXPECT_EQ(shown("INSTR", {"aaa", "aa", 1, 2}), "2");
  EXPECT_EQ(shown("INSTR", {kNoText, "or"}), "0");
  EXPECT_EQ(shown("INSTR", {"ab", "b", 9}), "0");
}

TEST(Strings, padding_cuts_and_fills) {
  EXPECT_EQ(shown("RPAD", {"foo", 7, "Bar"}), "\"fooBarB\"");
  EXPECT_EQ(shown("RPAD", {"foo", 2, "Bar"}), "\"fo\"");
  EXPECT_EQ(shown("RPAD", {"foo", -1, "Bar"}), "null");
  EXPECT_EQ(shown("RPAD", {"foo", 7, ""}), "null");
  EXPECT_EQ(shown("LPAD", {bytes("a"), 3, bytes("bc")}), "\"YmNh\"");
}

TEST(Strings, joining_passes_over_nulls) {
  EXPECT_EQ(shown("CONCAT", {"a", nullptr, "b"}), "\"ab\"");
  EXPECT_EQ(shown("CONCAT", {kNoText, kNoText}), "\"\"");
  EXPECT_EQ(shown("CONCAT_WS", {"-", "a", nullptr, "", "b"}), "\"a--b\"");
  EXPECT_EQ(shown("CONCAT_WS", {kNoText, "a"}), "null");
  EXPECT_EQ(shown("CONCAT_WS", {"-"}), "error: expects at least two input arguments");
  EXPECT_EQ(shown("REPLACE", {"abc", "", "-"}), "\"-a-b-c-\"");
  EXPECT_EQ(shown("REPLACE", {"aaa", "aa", "b"}), "\"ba\"");
}

TEST(Strings, elt_undoes_field) {
  EXPECT_EQ(shown("FIELD", {"hello", "world", "hello"}), "2");
  EXPECT_EQ(shown("FIELD", {kNoText, "world"}), "0");
  EXPECT_EQ(shown("FIELD", {"x", nullptr, "y"}), "0");
  EXPECT_EQ(shown("ELT", {2, "a", "b"}), "\"b\"");
  EXPECT_EQ(shown("ELT", {0, "a", "b"}), "null");
  EXPECT_EQ(shown("ELT", {1, nullptr, "b"}), "null");
}

TEST(Strings, chr_reads_code_points_and_escapes) {
  EXPECT_EQ(shown("CHR", {22909}), "\"好\"");
  EXPECT_EQ(shown("CHR", {-1}), "null");
  EXPECT_EQ(shown("CHR", {"\\ud83d\\ude00"}), std::string("\"") + kSmile + "\"");
  EXPECT_EQ(shown("CHR", {"004b"}), "null");
  EXPECT_EQ(shown("CHR", {"\\u00zz"}), "null");
}

TEST(Strings, masks_hide_by_class) {
  EXPECT_EQ(shown("MASK", {"AbC $1"}), "\"XxX--n\"");
  EXPECT_EQ(shown("MASK", {"Ab1-", "Q", kNoText, "9", "*"}), "\"Qb9*\"");
  EXPECT_EQ(shown("MASK_LEFT", {"Abc", 9}), "\"Xxx\"");
  EXPECT_EQ(shown("MASK_KEEP_RIGHT", {"Abcd", 1}), "\"Xxxd\"");
  EXPECT_EQ(shown("MASK_RIGHT", {"Abc", -1}), "error: function requires a non-negative number");
  EXPECT_EQ(shown("MASK", {"Ab", "QQ", "q", "9", "*"}),
            "error: Invalid mask character: 'QQ', it must be one character");
}

TEST(Strings, splitting_keeps_empty_parts) {
  EXPECT_EQ(shown("SPLIT", {"..a..", "."}), R"(["","","a","",""])");
  EXPECT_EQ(shown("SPLIT", {"", "."}), R"([""])");
  EXPECT_EQ(shown("SPLIT", {"aλ", ""}), R"(["a","λ"])");
  EXPECT_EQ(shown("SPLIT", {bytes("a$$b"), bytes("$$")}), R"(["YQ==","Yg=="])");
  EXPECT_EQ(shown("SPLIT", {"a", kNoText}), "null");
  EXPECT_EQ(shown("SPLIT_TO_MAP", {"a:1//b:2:3/c/a:4", "/", ":"}), R"({"a":"4","b":"2"})");
  EXPECT_EQ(shown("SPLIT_TO_MAP", {"a:1", "/", "/"}), "null");
}

TEST(Bytes, encodings_convert_both_ways) {
  EXPECT_EQ(shown("ENCODE", {"0x1fF", "hex", "base64"}), "\"Af8=\"");
  EXPECT_EQ(shown("ENCODE", {"x'41'", "HEX", "utf8"}), "\"A\"");
  EXPECT_EQ(shown("ENCODE", {"λ", "utf8", "ascii"}), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_TRUE(shown("ENCODE", {"zz", "hex", "utf8"}).starts_with("error: 'zz' is not valid hex"));
  EXPECT_TRUE(shown("ENCODE", {"a", "utf8", "utf8"}).starts_with("error: "));
  EXPECT_EQ(shown("FROM_BYTES", {bytes("\x1a\xb2"), "hex"}), "\"1AB2\"");
  EXPECT_EQ(shown("FROM_BYTES", {bytes("a\xff"), "utf8"}), "\"a\xEF\xBF\xBD\"");
  EXPECT_TRUE(shown("TO_BYTES", {"a", "latin1"}).starts_with("error: Unknown encoding"));
}

TEST(Bytes, numbers_need_their_exact_size) {
  EXPECT_EQ(shown("INT_FROM_BYTES", {bytes(std::string("\0\0\x07\xe5", 4))}), "2021");
  EXPECT_EQ(shown("INT_FROM_BYTES", {bytes("abc")}),
            "error: Number of bytes must be equal to 4, but found 3");
  EXPECT_TRUE(shown("INT_FROM_BYTES", {bytes("abcd"), "MIDDLE"}).starts_with("error: Byte order"));
  EXPECT_EQ(shown("UUID", {bytes("short")}), "null");
}

TEST(Bytes, md5_is_that_of_the_rfc) {
  EXPECT_EQ(shown("MD5", {""}), "\"d41d8cd98f00b204e9800998ecf8427e\"");
  EXPECT_EQ(shown("MD5", {"12345678901234567890123456789012345678901234567890123456789012345678901"
                          "234567890"}),
            "\"57edf4a22be3c955ac49da2e2107b67a\"");
}

TEST(Regex, finds_groups_and_replaces_as_java) {
  EXPECT_EQ(shown("REGEXP_EXTRACT", {"(.*) (.*)", "steven zhang", 2}), "\"zhang\"");
  EXPECT_EQ(shown("REGEXP_EXTRACT", {"(.*) (.*)", "steven zhang", 3}), "null");
  EXPECT_EQ(shown("REGEXP_EXTRACT", {"x", "abc"}), "null");
  EXPECT_EQ(shown("REGEXP_EXTRACT", {"(", "abc"}), "error: Invalid regular expression pattern: (");
  EXPECT_EQ(shown("REGEXP_EXTRACT_ALL", {"test.", "nothing"}), "[]");
  EXPECT_EQ(shown("REGEXP_EXTRACT_ALL", {"(\\w+) (\\w*)", "apurva mehta agavra ", 2}),
            R"(["mehta",""])");
  EXPECT_EQ(shown("REGEXP_REPLACE", {"ab", "(a)(b)", "$2\\$$1"}), "\"b$a\"");
  EXPECT_EQ(shown("REGEXP_SPLIT_TO_ARRAY", {"abx", "(a|x)"}), R"(["","b",""])");
  EXPECT_EQ(shown("REGEXP_SPLIT_TO_ARRAY", {"abc", ""}), R"(["a","b","c"])");
  EXPECT_EQ(shown("REGEXP_SPLIT_TO_ARRAY", {"zxy", kNoText}), "null");
}
