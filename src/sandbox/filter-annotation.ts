/** The annotation under which crun, and the built-in rung, take a seccomp program in base64. */
export const filterAnnotation = 'run.oci.seccomp_bpf_data';
