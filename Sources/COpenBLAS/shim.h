#include <cblas.h>

/* LAPACK, in the same library: eigenvalues, rising, and eigenvectors of a symmetric matrix. The last two arguments are the
   lengths of the texts, as Fortran passes them. */
void dsyevd_(
    const char *job, const char *triangle, const int *n, double *a, const int *lda, double *values, double *work,
    const int *workCount, int *integerWork, const int *integerWorkCount, int *info, unsigned long jobLength,
    unsigned long triangleLength);
