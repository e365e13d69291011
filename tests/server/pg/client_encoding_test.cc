#include "server/pg/client_encoding.h"

#include <gtest/gtest.h>

#include "server/sql/client_encodings.h"

using server::pg::ClientEncoding;

TEST(ClientEncoding, has_a_converter_for_each_name) {
  for (const char* name :
       {"BIG5",       "EUC_CN", "EUC_JP",  "EUC_KR",  "EUC_TW", "GB18030", "GBK",
        "ISO_8859_5", "KOI8R",  "KOI8U",   "LATIN1",  "LATIN2", "LATIN3",  "LATIN4",
        "LATIN5",     "LATIN6", "LATIN7",  "LATIN8",  "LATIN9", "SJIS",    "UHC",
        "WIN866",     "WIN874", "WIN1250", "WIN1252", "WIN1258"}) {
    ASSERT_NE(server::sql::find_client_encoding(name), nullptr) << name;
    const auto encoding = ClientEncoding::make(name);
    ASSERT_NE(encoding, nullptr) << name;
    EXPECT_EQ(encoding->from_client("plain").value_or(""), "plain");
  }
  for (const char* name : {"UTF8", "unicode", "utf-8", "SQL_ASCII", "nonsense", "johab"})
    EXPECT_EQ(ClientEncoding::make(name), nullptr) << name;
}

TEST(ClientEncoding, names_are_found_as_postgresql_writes_and_reads_them) {
  EXPECT_EQ(server::sql::find_client_encoding("iso-8859-15")->name, "LATIN9");
  EXPECT_EQ(server::sql::find_client_encoding("'utf-8'")->name, "UTF8");
  EXPECT_EQ(server::sql::find_client_encoding("Windows1252")->name, "WIN1252");
  EXPECT_EQ(server::sql::find_client_encoding("euc-jp")->name, "EUC_JP");
}

TEST(ClientEncoding, converts_both_ways) {
  const auto latin = ClientEncoding::make("LATIN9");
  EXPECT_EQ(latin->from_client("\xa4 Z\xfcrich").value_or(""), "€ Zürich");
  std::string out = "kept€ Zürich";
  latin->convert_end(out, 4);
  EXPECT_TRUE(latin->take_failure());
  EXPECT_EQ(out, "kept\xa4 Z\xfcrich");
  const auto japanese = ClientEncoding::make("EUC_JP");
  EXPECT_EQ(japanese->from_client("\xc5\xec\xb5\xfe").value_or(""), "東京");
}

TEST(ClientEncoding, names_an_unencodable_character) {
  const auto latin = ClientEncoding::make("LATIN1");
  std::string out = "€";
  latin->convert_end(out, 0);
  const Status failure = latin->take_failure();
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().message,
            "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in "
            "encoding \"LATIN1\"");
  EXPECT_TRUE(latin->take_failure());
  EXPECT_EQ(latin->to_client_or_marks("5 €, ü"), "5 ?, \xfc");
  const auto japanese = ClientEncoding::make("EUC_JP");
  EXPECT_FALSE(japanese->from_client("a\xc5"));
}

TEST(ClientEncoding, a_stream_may_be_cut_within_a_character) {
  const auto japanese = ClientEncoding::make("EUC_JP");
  japanese->begin_stream();
  EXPECT_EQ(japanese->stream_from_client("a\xc5", false).value_or("?"), "a");
  // a complete text in between does not affect the stream
  EXPECT_EQ(japanese->from_client("\xb5\xfe").value_or("?"), "京");
  EXPECT_EQ(japanese->stream_from_client("\xec", false).value_or("?"), "東");
  EXPECT_TRUE(japanese->stream_from_client("", true));
  japanese->begin_stream();
  ASSERT_TRUE(japanese->stream_from_client("\xc5", false));
  EXPECT_FALSE(japanese->stream_from_client("", true));
}
