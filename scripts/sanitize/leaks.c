/* An addon with one function, which has LeakSanitizer look for memory that nothing points to. `npm run sanitize` compiles it. */

#include <stddef.h>

typedef struct env *napi_env;
typedef struct value *napi_value;
typedef struct info *napi_info;

int napi_create_function(napi_env, const char *, size_t, napi_value (*)(napi_env, napi_info), void *, napi_value *);
int __lsan_do_recoverable_leak_check(void);

static napi_value check(napi_env env, napi_info info)
{
    (void) env;
    (void) info;
    __lsan_do_recoverable_leak_check();
    return NULL;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    napi_value function = exports;
    napi_create_function(env, "check", 5, check, NULL, &function);
    return function;
}
