/* poison.h -- tell AddressSanitizer that recycled memory is nobody's until it is handed out
 * again. Nothing at all in other builds. */
#ifndef UPROAR_CORE_POISON_H
#define UPROAR_CORE_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define UPROAR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UPROAR_ASAN 1
#endif
#endif

#ifdef UPROAR_ASAN
#include <sanitizer/asan_interface.h>
#define MEMORY_POISON(data, len)   __asan_poison_memory_region((data), (len))
#define MEMORY_UNPOISON(data, len) __asan_unpoison_memory_region((data), (len))
#else
#define MEMORY_POISON(data, len)   ((void)(data), (void)(len))
#define MEMORY_UNPOISON(data, len) ((void)(data), (void)(len))
#endif

#endif
