/* test_check.c -- a CHECK that holds is silent, one that fails says where and aborts. */
#include "core/check.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

Test(check, passes_and_evaluates_once)
{
    int evaluated = 0;
    CHECK(++evaluated == 1);
    cr_assert_eq(evaluated, 1);
}

Test(check, aborts, .signal = SIGABRT)
{
    CHECK(1 + 1 == 3);
}

/* What a failing CHECK in a child writes to stderr. */
static size_t last_words(const char *expression, char *out, size_t cap)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        check_failed("some/file.c", 42, "some_function", expression);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], out + len, cap - 1 - len)) > 0;)
        len += (size_t)got;
    out[len] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    return len;
}

Test(check, says_where_and_what)
{
    char text[1024];
    last_words("a == b", text, sizeof(text));
    cr_assert_str_eq(text, "some/file.c:42: some_function: CHECK(a == b) failed\n");
}

Test(check, cuts_a_long_expression_and_still_ends_the_line)
{
    char expression[2000], text[1024];
    memset(expression, 'x', sizeof(expression) - 1);
    expression[sizeof(expression) - 1] = '\0';
    size_t len = last_words(expression, text, sizeof(text));
    cr_assert_eq(len, 511);
    cr_assert_eq(text[len - 1], '\n');
}
