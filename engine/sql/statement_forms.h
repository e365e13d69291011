// The forms of statements, for syntax errors to which no closer hint is known.
#pragma once
#include <string_view>

namespace engine {

class StatementTokens;

// Returns a hint with the form of the statement, which its first words choose. Returns an empty text if no statement
// begins with these words.
std::string_view statement_form(StatementTokens& tokens);

// Returns a hint with the words with which statements begin.
std::string_view first_words_of_statements();

}  // namespace engine
